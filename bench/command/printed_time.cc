// Reading printed times. See printed_time.h.
#include "bench/command/printed_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace aisp::bench::command {
namespace {

constexpr std::size_t kLongestLine = 1 << 16;  // of a program that prints megabytes without an end
constexpr std::string_view kMark = "TIME_MS:";

/// Value of the last digit of a decimal number as it was printed: 0.01 for "1.25", 100 for "1e2".
double last_digit(std::string_view text) {
  const std::size_t exponent_at = std::min(text.find_first_of("eE"), text.size());
  const std::size_t point = text.substr(0, exponent_at).find('.');
  const int decimals =
      point == std::string_view::npos ? 0 : static_cast<int>(exponent_at - point) - 1;
  int exponent = 0;
  if (exponent_at < text.size()) {
    exponent = std::atoi(std::string(text.substr(exponent_at + 1)).c_str());
  }
  return std::pow(10.0, exponent - decimals);
}

}  // namespace

double unit_of_key(const std::string& key, const std::string& where) {
  constexpr std::pair<const char*, double> kUnits[] = {
      {"_ns", 1.0}, {"_us", 1e3}, {"_ms", 1e6}, {"_s", 1e9}};
  for (const auto& [ending, ns] : kUnits) {
    const std::string_view end = ending;
    if (key.size() > end.size() && key.compare(key.size() - end.size(), end.size(), end) == 0) {
      return ns;
    }
  }
  throw UsageError(fmt::format("key {} does not say its unit", key), where,
                   "choose one that ends with _ns, _us, _ms or _s");
}

TimeReader::TimeReader(std::string json_key, std::function<void(std::string_view)> others)
    : key_(json_key.empty() ? "time_ms" : json_key),
      unit_ns_(unit_of_key(key_, "--json-key")),
      marked_(json_key.empty()),
      others_(std::move(others)) {}

void TimeReader::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const bool ends = end != std::string_view::npos;
    const std::string_view part = bytes.substr(0, ends ? end + 1 : end);
    bytes.remove_prefix(part.size());
    if (overlong_) {
      pass(part);
      overlong_ = !ends;
      continue;
    }
    line_.append(part);
    if (ends) {
      if (!take_line(std::string_view(line_).substr(0, line_.size() - 1))) pass(line_);
      line_.clear();
    } else if (line_.size() > kLongestLine) {
      pass(line_);
      line_.clear();
      overlong_ = true;
    }
  }
}

std::optional<PrintedTime> TimeReader::last() {
  if (!line_.empty() && !take_line(line_)) pass(line_);
  line_.clear();
  return last_;
}

bool TimeReader::take_line(std::string_view line) {
  const std::size_t brace = line.find_first_not_of(" \t");
  if (brace != std::string_view::npos && line[brace] == '{') return take_json(line.substr(brace));
  const std::size_t mark = marked_ ? line.rfind(kMark) : std::string_view::npos;
  if (mark == std::string_view::npos) return false;
  std::string_view value = line.substr(mark + kMark.size());
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  value = value.substr(0, value.find_first_of(" \t\r,;"));
  take_value(value, 1e6);
  return true;
}

bool TimeReader::take_json(std::string_view line) {
  if (line.find(key_.substr(key_.rfind('.') + 1)) == std::string_view::npos) return false;
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const nlohmann::json* at = &json;
  for (std::size_t begin = 0; begin <= key_.size() && at != nullptr;) {
    const std::size_t end = std::min(key_.find('.', begin), key_.size());
    const auto found = at->is_object() ? at->find(key_.substr(begin, end - begin)) : at->end();
    at = at->is_object() && found != at->end() ? &*found : nullptr;
    begin = end + 1;
  }
  if (at != nullptr) take_value(at->dump(), unit_ns_);
  return at != nullptr;
}

void TimeReader::take_value(std::string_view text, double unit_ns) {
  const std::string whole(text);
  char* after = nullptr;
  const double value = std::strtod(whole.c_str(), &after);
  if (whole.empty() || *after != '\0' || !std::isfinite(value) || value <= 0.0) {
    if (malformed_.empty()) malformed_ = whole.substr(0, 40);
    return;
  }
  last_ = PrintedTime{value * unit_ns, last_digit(whole) * unit_ns};
}

}  // namespace aisp::bench::command
