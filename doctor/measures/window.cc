// See window.h. Source: proc(5); Linux Documentation/admin-guide/iostats.rst.
#include "doctor/measures/window.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <sstream>
#include <thread>

#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

double ticks_per_second() { return static_cast<double>(std::max(1L, sysconf(_SC_CLK_TCK))); }

std::map<std::string, std::vector<double>> stat_rows(const std::string& text) {
  std::map<std::string, std::vector<double>> rows;
  for (const auto line : machine::split(text, '\n')) {
    if (!line.starts_with("cpu")) continue;
    std::istringstream words{std::string(line)};
    std::string name;
    words >> name;
    for (double value = 0; words >> value;) rows[name].push_back(value);
  }
  return rows;
}

struct DiskCounters {
  double sectors_read = 0, sectors_written = 0, busy_ms = 0, weighted_ms = 0;
};

std::map<std::string, DiskCounters> disk_rows(const std::string& text) {
  std::map<std::string, DiskCounters> rows;
  for (const auto line : machine::split(text, '\n')) {
    std::istringstream words{std::string(line)};
    double major = 0, minor = 0, v[11] = {};
    std::string name;
    words >> major >> minor >> name;
    int count = 0;
    while (count < 11 && words >> v[count]) ++count;
    if (count == 11) rows[name] = {v[2], v[6], v[9], v[10]};
  }
  return rows;
}

}  // namespace

double Window::growth(const std::string& path, const std::string& key) const {
  const auto first = before.find(path), second = after.find(path);
  if (first == before.end() || second == after.end()) return 0.0;
  const auto a = machine::parse_number(Evidence::value_of(first->second, key).value_or(""));
  const auto b = machine::parse_number(Evidence::value_of(second->second, key).value_or(""));
  return a && b ? *b - *a : 0.0;
}

Window watch(const Evidence& evidence, const std::vector<std::string>& paths, double seconds) {
  Window window;
  const auto take = [&](std::map<std::string, std::string>& into) {
    for (const std::string& path : paths) {
      const Text text = evidence.read(path);
      if (text) into[path] = text.value;
    }
  };
  const auto start = std::chrono::steady_clock::now();
  take(window.before);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  window.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  take(window.after);
  return window;
}

std::vector<CpuUse> cpu_use(const std::string& before, const std::string& after) {
  const auto a = stat_rows(before), b = stat_rows(after);
  std::vector<CpuUse> all;
  for (const auto& [name, later] : b) {
    const auto earlier = a.find(name);
    if (earlier == a.end() || later.size() < 8 || earlier->second.size() < 8) continue;
    const auto grown = [&](std::size_t i) {
      return std::max(0.0, later[i] - earlier->second[i]) / ticks_per_second();
    };
    CpuUse use;
    const auto number = machine::parse_number(name.substr(3));
    if (name != "cpu" && !number) continue;
    use.cpu = name == "cpu" ? -1 : static_cast<int>(*number);
    use.iowait = grown(4);
    use.idle = grown(3) + use.iowait;
    use.irq = grown(5);
    use.softirq = grown(6);
    use.steal = grown(7);
    use.busy = grown(0) + grown(1) + grown(2) + use.irq + use.softirq + use.steal;
    all.push_back(use);
  }
  std::sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.cpu < y.cpu; });
  return all;
}

double cpu_seconds_of_stat(const std::string& stat) {
  const std::size_t close = stat.rfind(')');
  if (close == std::string::npos) return 0.0;
  std::istringstream words(stat.substr(close + 1));
  std::string word;
  for (int field = 3; field < 14 && words >> word; ++field) {
  }
  double user = 0, system = 0;
  return words >> user >> system ? (user + system) / ticks_per_second() : 0.0;
}

std::string name_of_stat(const std::string& stat) {
  const std::size_t open = stat.find('('), close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return stat.substr(open + 1, close - open - 1);
}

std::vector<DiskUse> disk_use(const std::string& before, const std::string& after, double seconds) {
  const auto a = disk_rows(before), b = disk_rows(after);
  std::vector<DiskUse> all;
  if (seconds <= 0) return all;
  constexpr double kSectorBytes = 512.0;  // always, whatever the disk's own is
  for (const auto& [name, later] : b) {
    const auto found = a.find(name);
    if (found == a.end() || name.starts_with("loop") || name.starts_with("ram")) continue;
    const DiskCounters& earlier = found->second;
    const double per_second = kSectorBytes / seconds / 1e6;
    all.push_back({name, (later.sectors_read - earlier.sectors_read) * per_second,
                   (later.sectors_written - earlier.sectors_written) * per_second,
                   std::clamp((later.busy_ms - earlier.busy_ms) / 1e3 / seconds, 0.0, 1.0),
                   std::max(0.0, later.weighted_ms - earlier.weighted_ms) / 1e3 / seconds});
  }
  return all;
}

std::vector<int> family(const Evidence& evidence, int pid) {
  constexpr std::size_t kMost = 512;
  std::vector<int> all = {pid};
  for (std::size_t i = 0; i < all.size() && all.size() < kMost; ++i) {
    const std::string tasks = fmt::format("/proc/{}/task", all[i]);
    for (const std::string& task : evidence.list(tasks)) {
      const Text children = evidence.read(fmt::format("{}/{}/children", tasks, task));
      std::istringstream words(children.value);
      for (int child = 0; words >> child && all.size() < kMost;) all.push_back(child);
    }
  }
  return all;
}

}  // namespace aisp::doctor
