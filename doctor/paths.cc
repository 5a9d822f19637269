// Globs over evidence, and lists of processors. See paths.h.
#include "doctor/paths.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "machine/text_file.h"

namespace aisp::doctor {

std::vector<std::string> matching_paths(const Evidence& evidence, const std::string& pattern) {
  constexpr std::size_t kMost = 4096;
  std::vector<std::string> paths = {""};
  bool globbed = false;
  for (const auto part : machine::split(std::string_view(pattern).substr(1), '/')) {
    const std::string name(part);
    std::vector<std::string> longer;
    for (const std::string& path : paths) {
      if (name.find('*') == std::string::npos) {
        longer.push_back(path + "/" + name);
        continue;
      }
      globbed = true;
      for (const std::string& entry : evidence.list(path.empty() ? "/" : path)) {
        if (fnmatch(name.c_str(), entry.c_str(), FNM_PERIOD) == 0 && longer.size() < kMost) {
          longer.push_back(path + "/" + entry);
        }
      }
    }
    paths = std::move(longer);
  }
  // What only a glob led to must be there; a plain path is the reader's to find absent.
  if (globbed)
    std::erase_if(paths, [&](const std::string& path) { return !evidence.exists(path); });
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::optional<std::set<int>> parse_cpu_list(std::string_view text) {
  constexpr double kMost = 8192;
  std::set<int> cpus;
  for (const auto range : machine::split(machine::trim(text), ',')) {
    const std::size_t dash = range.find('-');
    const auto first = machine::parse_number(range.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : machine::parse_number(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last >= kMost) return std::nullopt;
    for (int cpu = static_cast<int>(*first); cpu <= static_cast<int>(*last); ++cpu)
      cpus.insert(cpu);
  }
  return cpus;
}

std::string cpu_list_text(const std::set<int>& cpus) {
  std::string text;
  for (auto it = cpus.begin(); it != cpus.end();) {
    const int first = *it;
    int last = first;
    for (++it; it != cpus.end() && *it == last + 1; ++it) ++last;
    if (!text.empty()) text += ',';
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

}  // namespace aisp::doctor
