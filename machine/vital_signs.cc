// Readings of what changes. See vital_signs.h.
// Source: Linux Documentation/ABI (sysfs-class-hwmon, sysfs-class-thermal), admin-guide/pm/cpufreq,
// accounting/psi.
#include "machine/vital_signs.h"

#include <algorithm>
#include <chrono>

#include "machine/file_tree.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

struct Mean {
  double sum = 0.0;
  int count = 0;
  void add(Maybe<double> value) {
    if (!value || *value <= 0) return;
    sum += *value;
    ++count;
  }
  Maybe<double> value() const { return count > 0 ? Maybe<double>(sum / count) : std::nullopt; }
};

// The governor's word where it has one, else what /proc/cpuinfo shows (x86 alone).
Maybe<double> clock_mhz(const FileTree& tree) {
  Mean governed, shown;
  const std::string folder = "/sys/devices/system/cpu";
  for (const std::string& name : tree.names(folder)) {
    if (!name.starts_with("cpu") || name.size() < 4 || name[3] < '0' || name[3] > '9') continue;
    const auto khz = parse_number(tree.line(folder + "/" + name + "/cpufreq/scaling_cur_freq"));
    if (khz) governed.add(*khz / 1000.0);
  }
  if (governed.count > 0) return governed.value();
  const std::string info = tree.bytes("/proc/cpuinfo");
  for (std::string_view line : split(info, '\n')) {
    if (!line.starts_with("cpu MHz")) continue;
    shown.add(parse_number(line.substr(line.find(':') + 1)));
  }
  return shown.value();
}

// "some avg10=1.53 avg60=..." -> 1.53.
Maybe<double> pressure(const FileTree& tree, const std::string& what) {
  const std::string line = tree.line("/proc/pressure/" + what);
  const std::string_view mark = "some avg10=";
  if (!line.starts_with(mark)) return std::nullopt;
  const std::string_view rest = std::string_view(line).substr(mark.size());
  return parse_number(rest.substr(0, rest.find(' ')));
}

Maybe<std::uint64_t> kib(const std::string& info, const char* name) {
  const std::string text = find_value(info, name).value_or("");
  const auto value = parse_number(std::string_view(text).substr(0, text.find(' ')));
  if (!value || *value < 0 || *value > 1e15) return std::nullopt;
  return static_cast<std::uint64_t>(*value) * 1024;
}

// Sensors give thousandths of a degree. Beyond this range they are not connected.
void take_hottest(Maybe<double>& hottest, Maybe<int> thousandths) {
  if (!thousandths || *thousandths <= 0 || *thousandths > 150000) return;
  hottest = std::max(hottest.value_or(0.0), *thousandths / 1000.0);
}

Maybe<double> temperature(const FileTree& tree) {
  Maybe<double> hottest;
  const std::string sensors = "/sys/class/hwmon";
  for (const std::string& name : tree.names(sensors)) {
    for (const std::string& file : tree.names(sensors + "/" + name)) {
      if (!file.starts_with("temp") || !file.ends_with("_input")) continue;
      take_hottest(hottest, tree.number(sensors + "/" + name + "/" + file));
    }
  }
  if (hottest) return hottest;
  const std::string zones = "/sys/class/thermal";
  for (const std::string& name : tree.names(zones)) {
    if (!name.starts_with("thermal_zone")) continue;
    take_hottest(hottest, tree.number(zones + "/" + name + "/temp"));
  }
  return hottest;
}

}  // namespace

VitalSigns read_vital_signs(const GpuReader& gpus, const std::string& root) {
  const FileTree tree(root);
  VitalSigns signs;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  signs.time_s = std::chrono::duration<double>(now).count();
  signs.load = read_system_load(root);
  signs.clock_mhz = clock_mhz(tree);
  signs.pressure_cpu = pressure(tree, "cpu");
  signs.pressure_memory = pressure(tree, "memory");
  signs.pressure_io = pressure(tree, "io");
  const std::string info = tree.bytes("/proc/meminfo");
  signs.memory_bytes = kib(info, "MemTotal");
  signs.memory_available_bytes = kib(info, "MemAvailable");
  signs.temperature = temperature(tree);
  signs.gpus = gpus.read_changing();
  return signs;
}

TimeShares shares_between(const VitalSigns& before, const VitalSigns& after) {
  const double busy = after.load.busy_seconds - before.load.busy_seconds;
  const double idle = after.load.idle_seconds - before.load.idle_seconds;
  const double steal = after.load.steal_seconds - before.load.steal_seconds;
  TimeShares shares;
  // The kernel may count idle time backwards by a tick when a processor goes offline.
  if (busy < 0 || idle < 0 || steal < 0 || busy + idle <= 0) return shares;
  shares.busy_percent = 100.0 * busy / (busy + idle);
  shares.steal_percent = 100.0 * steal / (busy + idle);
  return shares;
}

}  // namespace aisp::machine
