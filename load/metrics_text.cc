// See metrics_text.h.
#include "load/metrics_text.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace aisp::load {
namespace {

constexpr std::size_t kMost = 1000;

std::optional<double> number_of(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// Takes the label le="..." out of "a=\"b\",le=\"0.5\"".
std::optional<double> take_le(std::string& labels) {
  std::size_t at = labels.starts_with("le=\"") ? 0 : labels.find(",le=\"");
  if (at == std::string::npos) return {};
  const std::size_t value = labels.find('"', at) + 1, end = labels.find('"', value);
  if (end == std::string::npos) return {};
  const auto le = number_of(std::string_view(labels).substr(value, end - value));
  std::size_t size = end + 1 - at;
  if (at == 0 && labels.size() > size) ++size;  // the comma behind it
  labels.erase(at, size);
  return le;
}

double bucket_of(const ServerHistogram& histogram, double q) {
  for (const auto& [end, count] : histogram.up_to) {
    if (count >= q * histogram.count) return end;
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

std::map<std::string, ServerHistogram> read_histograms(std::string_view text) {
  std::map<std::string, ServerHistogram> all;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t blank = line.rfind(' ');
    if (line.starts_with('#') || blank == std::string_view::npos) continue;
    const auto value = number_of(line.substr(blank + 1));
    const std::size_t brace = line.find('{');
    std::string_view name = line.substr(0, std::min(brace, blank));
    const std::size_t close = line.rfind('}', blank);
    const bool labelled = brace < blank && close != std::string_view::npos && close > brace;
    std::string labels(labelled ? line.substr(brace + 1, close - brace - 1) : "");
    const std::size_t part = name.rfind('_');
    if (!value || !std::isfinite(*value) || part == std::string_view::npos) continue;
    const std::string_view kind = name.substr(part + 1);
    if (kind != "bucket" && kind != "sum" && kind != "count") continue;
    const auto le = kind == "bucket" ? take_le(labels) : std::nullopt;
    if (kind == "bucket" && !le) continue;
    std::string key(name.substr(0, part));
    if (!labels.empty()) key += "{" + labels + "}";
    if (all.size() >= kMost && !all.contains(key)) continue;
    ServerHistogram& histogram = all[key];
    if (le) histogram.up_to[*le] = *value;
    if (kind == "sum") histogram.sum = *value;
    if (kind == "count") histogram.count = *value;
  }
  std::erase_if(all, [](const auto& one) { return one.second.up_to.empty(); });
  return all;
}

std::vector<Stage> stages_between(const std::map<std::string, ServerHistogram>& before,
                                  const std::map<std::string, ServerHistogram>& after) {
  std::vector<Stage> stages;
  for (const auto& [name, now] : after) {
    ServerHistogram between = now;
    if (const auto found = before.find(name); found != before.end()) {
      between.sum -= found->second.sum;
      between.count -= found->second.count;
      for (auto& [end, count] : between.up_to) {
        const auto had = found->second.up_to.find(end);
        if (had != found->second.up_to.end()) count -= had->second;
      }
    }
    if (!name.substr(0, name.find('{')).ends_with("_seconds") || !(between.count > 0.0)) continue;
    stages.push_back({name, between.count, between.sum / between.count, bucket_of(between, 0.5),
                      bucket_of(between, 0.99)});
  }
  return stages;
}

}  // namespace aisp::load
