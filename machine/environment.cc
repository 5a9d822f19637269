// The state of the machine. See environment.h. Every value is copied from the kernel or the library
// that knows it; a file that is not there leaves its name out.
// Source: Linux Documentation/admin-guide (sysfs-pm, mm/transhuge, sysctl), proc(5),
// SMBIOS 3.6 7.18.
#include "machine/environment.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>

#include "machine/cgroup.h"
#include "machine/cpuid.h"
#include "machine/text_file.h"

#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

extern char** environ;

namespace aisp::machine {
namespace {

class Collector {
 public:
  explicit Collector(std::string root) : root_(std::move(root)) {}

  void add(const std::string& name, std::string value) {
    if (!value.empty()) pairs_.emplace_back(name, std::move(value));
  }
  void add(const std::string& name, const std::optional<std::string>& value) {
    if (value) add(name, *value);
  }
  std::optional<std::string> line(const std::string& path) const { return read_line(root_ + path); }
  std::string text(const std::string& path) const { return read_text(root_ + path).value_or(""); }
  void add_line(const std::string& name, const std::string& path) { add(name, line(path)); }

  const std::string& root() const { return root_; }
  Environment take() { return std::move(pairs_); }

 private:
  std::string root_;
  Environment pairs_;
};

// "always [madvise] never" -> "madvise".
std::optional<std::string> chosen(const std::optional<std::string>& line) {
  if (!line) return std::nullopt;
  const std::size_t open = line->find('['), close = line->find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return line;
  return line->substr(open + 1, close - open - 1);
}

std::optional<std::string> kib_as_bytes(const std::optional<std::string>& value) {
  if (!value) return std::nullopt;
  const auto number = parse_number(std::string_view(*value).substr(0, value->find(' ')));
  if (!number) return std::nullopt;
  return fmt::format("{:.0f}", *number * 1024.0);
}

// The different values of one file over all cores: "performance" or "performance,powersave".
std::string values_over_cores(const Collector& from, const std::string& file) {
  std::set<std::string> values;
  std::error_code error;
  const std::string folder = from.root() + "/sys/devices/system/cpu";
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->path().filename().string().starts_with("cpu")) continue;
    if (const auto value = read_line(at->path().string() + "/" + file)) values.insert(*value);
  }
  return fmt::format("{}", fmt::join(values, ","));
}

void add_system(Collector& out) {
  utsname system{};
  if (uname(&system) == 0) {
    out.add("kernel", std::string(system.release));
    out.add("kernel_build", std::string(system.version));
  }
  out.add("distribution", find_value(out.text("/etc/os-release"), "PRETTY_NAME"));
#if defined(__GLIBC__)
  out.add("libc", std::string("glibc ") + gnu_get_libc_version());
#endif
  out.add("hypervisor", read_cpuid().hypervisor);
  out.add_line("hypervisor_type", "/sys/hypervisor/type");
  out.add_line("dmi_vendor", "/sys/class/dmi/id/sys_vendor");
  out.add_line("dmi_product", "/sys/class/dmi/id/product_name");
  for (const char* mark : {"/.dockerenv", "/run/.containerenv"}) {
    std::error_code ignored;
    if (std::filesystem::exists(out.root() + mark, ignored))
      out.add("container", std::string(mark));
  }
}

void add_frequency(Collector& out) {
  out.add("governor", values_over_cores(out, "cpufreq/scaling_governor"));
  out.add("frequency_driver", values_over_cores(out, "cpufreq/scaling_driver"));
  out.add("frequency_max_khz", values_over_cores(out, "cpufreq/scaling_max_freq"));
  const auto no_turbo = out.line("/sys/devices/system/cpu/intel_pstate/no_turbo");
  const auto boost = out.line("/sys/devices/system/cpu/cpufreq/boost");
  if (no_turbo) {
    out.add("turbo", std::string(*no_turbo == "0" ? "on" : "off"));
  } else if (boost) {
    out.add("turbo", std::string(*boost == "1" ? "on" : "off"));
  }
  out.add("core_throttle_count", values_over_cores(out, "thermal_throttle/core_throttle_count"));
  out.add_line("smt", "/sys/devices/system/cpu/smt/control");
  out.add_line("isolated_cores", "/sys/devices/system/cpu/isolated");
  out.add_line("nohz_full", "/sys/devices/system/cpu/nohz_full");
  auto microcode = out.line("/sys/devices/system/cpu/cpu0/microcode/version");
  if (!microcode) microcode = find_value(out.text("/proc/cpuinfo"), "microcode");
  out.add("microcode", microcode);
  out.add_line("clock_source", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
}

// Configured speed of the first memory module that has one (SMBIOS type 17, offset 0x20; before
// SMBIOS 2.7 only the rated speed at 0x15). Readable by root alone on most systems.
std::optional<std::string> memory_speed(const Collector& from) {
  for (int slot = 0; slot < 64; ++slot) {
    const std::string raw = from.text(fmt::format("/sys/firmware/dmi/entries/17-{}/raw", slot));
    if (raw.empty() && slot > 0) break;
    for (const std::size_t at : {std::size_t{0x20}, std::size_t{0x15}}) {
      if (raw.size() < at + 2 || static_cast<unsigned char>(raw[1]) < at + 2) continue;
      const int speed =
          static_cast<unsigned char>(raw[at]) + 256 * static_cast<unsigned char>(raw[at + 1]);
      if (speed != 0 && speed != 0xffff) return fmt::format("{} MT/s", speed);
    }
  }
  return std::nullopt;
}

void add_memory(Collector& out) {
  const std::string info = out.text("/proc/meminfo");
  out.add("memory_total_bytes", kib_as_bytes(find_value(info, "MemTotal")));
  out.add("memory_available_bytes", kib_as_bytes(find_value(info, "MemAvailable")));
  out.add("swap_total_bytes", kib_as_bytes(find_value(info, "SwapTotal")));
  out.add("swap_free_bytes", kib_as_bytes(find_value(info, "SwapFree")));
  out.add_line("swappiness", "/proc/sys/vm/swappiness");
  out.add("thp", chosen(out.line("/sys/kernel/mm/transparent_hugepage/enabled")));
  out.add("thp_defrag", chosen(out.line("/sys/kernel/mm/transparent_hugepage/defrag")));
  out.add("huge_pages_total", find_value(info, "HugePages_Total"));
  out.add_line("numa_balancing", "/proc/sys/kernel/numa_balancing");
  out.add_line("overcommit_memory", "/proc/sys/vm/overcommit_memory");
  out.add("memory_speed", memory_speed(out));
}

void add_process(Collector& out) {
  out.add_line("aslr", "/proc/sys/kernel/randomize_va_space");
  out.add_line("perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid");
  const std::string status = out.text("/proc/self/status");
  out.add("affinity", find_value(status, "Cpus_allowed_list"));
  out.add("memory_nodes_allowed", find_value(status, "Mems_allowed_list"));
  const CgroupLimits limits = read_cgroup_limits(out.root());
  if (limits.cpus > 0) out.add("cgroup_cpus", fmt::format("{:.2f}", limits.cpus));
  if (limits.memory_bytes > 0) {
    out.add("cgroup_memory_bytes", fmt::format("{}", limits.memory_bytes));
  }
}

// "some avg10=1.00 avg60=..." -> the number after `field` in the line of `kind`.
std::optional<std::string> pressure(std::string_view text, std::string_view kind,
                                    std::string_view field) {
  for (std::string_view line : split(text, '\n')) {
    const auto words = split(line, ' ');
    if (words.empty() || words[0] != kind) continue;
    for (std::string_view word : words) {
      if (word.starts_with(field) && word.substr(field.size()).starts_with('=')) {
        return std::string(word.substr(field.size() + 1));
      }
    }
  }
  return std::nullopt;
}

void add_load(Collector& out) {
  out.add_line("load_average", "/proc/loadavg");
  const SystemLoad load = read_system_load(out.root());
  const double total = load.busy_seconds + load.idle_seconds;
  if (total > 0) {
    out.add("steal_percent_since_boot", fmt::format("{:.3f}", 100.0 * load.steal_seconds / total));
  }
  for (const char* what : {"cpu", "memory", "io"}) {
    const std::string text = out.text(std::string("/proc/pressure/") + what);
    out.add(std::string("psi_") + what + "_some_avg10", pressure(text, "some", "avg10"));
  }
}

// Variables that change what numeric libraries, the allocator or the loader do.
void add_variables(Collector& out) {
  constexpr std::string_view kPrefixes[] = {"OMP_",  "GOMP_",   "KMP_",    "MKL_",      "OPENBLAS_",
                                            "BLIS_", "DNNL_",   "ONEDNN_", "CUDA_",     "NCCL_",
                                            "TBB_",  "MALLOC_", "GLIBC_",  "LD_PRELOAD"};
  std::set<std::string> found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const bool wanted =
        std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                    [&](std::string_view prefix) { return text.starts_with(prefix); });
    if (wanted && text.find('=') != std::string_view::npos) found.emplace(text);
  }
  for (const std::string& text : found) {
    const std::size_t at = text.find('=');
    out.add("env." + text.substr(0, at), text.substr(at + 1));
  }
}

}  // namespace

Environment read_environment(const std::string& root) {
  Collector out(root);
  add_system(out);
  add_frequency(out);
  add_memory(out);
  add_process(out);
  add_load(out);
  add_variables(out);
  return out.take();
}

SystemLoad read_system_load(const std::string& root) {
  SystemLoad load;
  if (const auto line = read_line(root + "/proc/loadavg")) {
    load.load1 = parse_number(std::string_view(*line).substr(0, line->find(' '))).value_or(0.0);
  }
  // cpu  user nice system idle iowait irq softirq steal guest guest_nice (guest is inside user).
  if (const auto line = read_line(root + "/proc/stat"); line && line->starts_with("cpu ")) {
    double fields[8] = {};
    int count = 0;
    for (std::string_view word : split(std::string_view(*line).substr(4), ' ')) {
      if (word.empty() || count >= 8) continue;
      fields[count++] = parse_number(word).value_or(0.0);
    }
    const double per_second = static_cast<double>(std::max(1l, sysconf(_SC_CLK_TCK)));
    load.steal_seconds = fields[7] / per_second;
    load.idle_seconds = (fields[3] + fields[4]) / per_second;
    load.busy_seconds =
        (fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]) / per_second;
  }
  const std::string psi = read_text(root + "/proc/pressure/cpu").value_or("");
  if (const auto total = pressure(psi, "some", "total")) {
    load.psi_cpu_some_us = parse_number(*total).value_or(0.0);
  }
  return load;
}

}  // namespace aisp::machine
