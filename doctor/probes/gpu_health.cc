// Whether the GPUs are well: errors in the kernel's log and in memory, heat, power, watches.
//
// Source: NVIDIA Xid errors; NVML API reference (clocks event reasons, row remapping); NVIDIA GPU
// memory error management; DCGM user guide (health watches).
#include <algorithm>
#include <cmath>

#include "doctor/gpus.h"
#include "doctor/paths.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::Gpu;

// Codes that tell of broken hardware, not of a faulty program.
constexpr int kHardwareCodes[] = {46, 48, 62, 63, 64, 74, 79, 92, 94, 95, 119, 120, 140, 143};

// The number in "NVRM: Xid (PCI:0000:1b:00): 79, pid=..."; nothing when the line is another.
std::optional<int> xid_of(std::string_view line) {
  const std::size_t at = line.find("NVRM: Xid");
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t close = line.find("): ", at);
  if (close == std::string_view::npos) return std::nullopt;
  const auto rest = line.substr(close + 3);
  const auto parts = version_parts(rest.substr(0, rest.find_first_not_of("0123456789")));
  return parts.empty() ? std::nullopt : std::optional(parts[0]);
}

// The kernel's log from the first place that can be read.
Text kernel_log(const Evidence& evidence, std::string& source) {
  source = "/dev/kmsg";
  const Text kmsg = evidence.read(source);
  if (kmsg) return kmsg;
  const std::vector<std::vector<std::string>> commands = {
      {"journalctl", "-k", "-b", "--no-pager", "-q", "--grep=NVRM: Xid"}, {"dmesg"}};
  for (const auto& command : commands) {
    int status = 1;
    const Text text = evidence.command(command, &status);
    source = command[0];
    // journalctl ends with 1 and says nothing when nothing matches, or when it may not look.
    if (text && (status == 0 || !text.value.empty())) return text;
  }
  source = "/dev/kmsg";
  return kmsg;
}

Finding gpu_xid_errors(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  std::string source;
  const Text log = kernel_log(evidence, source);
  if (!log) {
    return cannot_see(log.seen == Text::Seen::kForbidden
                          ? "the kernel's log is for root alone (kernel.dmesg_restrict)"
                          : log.why);
  }
  std::vector<Reading> read;
  std::set<int> hardware, other;
  for (const auto line : machine::split(log.value, '\n')) {
    const auto code = xid_of(line);
    if (!code) continue;
    const bool broken = std::find(std::begin(kHardwareCodes), std::end(kHardwareCodes), *code) !=
                        std::end(kHardwareCodes);
    (broken ? hardware : other).insert(*code);
    const std::size_t start = line.find("NVRM: Xid");
    if (read.size() < 8) read.push_back({source, std::string(line.substr(start, 120))});
  }
  const auto words = [](const std::set<int>& codes) {
    return fmt::format("{}", fmt::join(codes, ", "));
  };
  if (!hardware.empty()) {
    return fail(fmt::format("the driver logged hardware errors: Xid {}", words(hardware)), read,
                "jobs on such a GPU fail or slow down; drain the node");
  }
  if (!other.empty()) {
    return warn(fmt::format("the driver logged errors of programs: Xid {}", words(other)), read,
                "each ended a process or a kernel");
  }
  return ok("no driver errors in the kernel's log", {{source, "no line with NVRM: Xid"}});
}

Finding gpu_memory_errors(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  std::vector<int> failed;
  std::vector<Fix> fixes;
  const auto sorted = sort_gpus(
      evidence, "uncorrected errors now, ever; rows remapped",
      [&](const Gpu& gpu) -> std::optional<Judged> {
        if (!gpu.ecc_uncorrected_volatile && !gpu.remap_pending && !gpu.remap_failed) {
          return std::nullopt;
        }
        const bool pending = gpu.remap_pending.value_or(false);
        if (gpu.remap_failed.value_or(false)) failed.push_back(gpu.index);
        const bool good = gpu.ecc_uncorrected_volatile.value_or(0) == 0 && !pending &&
                          !gpu.remap_failed.value_or(false);
        if (pending) {
          fixes.push_back({Fix::Kind::kCommand, fmt::format("nvidia-smi -i {} -r", gpu.index), ""});
        }
        return Judged{good, fmt::format("{}, {}; {}{}{}", shown(gpu.ecc_uncorrected_volatile),
                                        shown(gpu.ecc_uncorrected_aggregate),
                                        shown(gpu.remapped_rows_uncorrectable),
                                        pending ? ", one waits for a reset" : "",
                                        gpu.remap_failed.value_or(false) ? ", one failed" : "")};
      });
  if (!failed.empty()) {
    return fail(fmt::format("a row of memory could not be remapped: {}", gpus_in_words(failed)),
                sorted.bad_read, "the next error there ends a job; replace the GPU");
  }
  if (!sorted.bad.empty()) {
    return warn(
        fmt::format("uncorrected memory errors or waiting remaps: {}", gpus_in_words(sorted.bad)),
        sorted.bad_read, "an uncorrected error ends the process that meets it", fixes);
  }
  if (sorted.good.empty()) return not_applicable("these GPUs count no memory errors");
  return ok("no uncorrected memory errors since the driver was loaded", sorted.good_read);
}

Finding health_watch_configured(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  for (const char* pattern : {"/etc/prometheus/*.yml", "/etc/prometheus/*.yaml",
                              "/etc/prometheus/*/*.yml", "/etc/prometheus/*/*.yaml"}) {
    for (const std::string& path : matching_paths(evidence, pattern)) {
      const Text rules = evidence.read(path);
      if (rules.value.find("alert:") == std::string::npos) continue;
      if (rules.value.find("DCGM_FI_DEV_XID_ERRORS") != std::string::npos) {
        return ok("alert rules watch driver errors", {{path, "DCGM_FI_DEV_XID_ERRORS"}});
      }
    }
  }
  int status = 0;
  const Text watches = evidence.command({"dcgmi", "health", "-g", "0", "-f"}, &status);
  if (!watches || status != 0) {
    return cannot_see(watches ? "dcgmi reaches no host engine, and no alert rules are here"
                              : "no alert rules are here, and " + watches.why);
  }
  std::vector<std::string> on, off;
  for (const auto line : machine::split(watches.value, '\n')) {
    const auto cells = machine::split(line, '|');
    if (cells.size() < 3) continue;
    const auto name = machine::trim(cells[1]), state = machine::trim(cells[2]);
    if (state.starts_with("On")) on.emplace_back(name);
    if (state.starts_with("Off")) off.emplace_back(name);
  }
  if (on.empty() && off.empty()) return cannot_see("dcgmi answered in a form that is not known");
  std::vector<Reading> read = {
      {"dcgmi health -g 0 -f",
       fmt::format("on: {}; off: {}", fmt::join(on, ", "), fmt::join(off, ", "))}};
  if (!on.empty()) return ok(fmt::format("{} health watches are on", on.size()), read);
  return warn("no health watch is on", read,
              "a GPU that slows down or fails is noticed by its job alone",
              {{Fix::Kind::kCommand, "dcgmi health -g 0 -s a", "dcgmi health -g 0 --clear"}});
}

struct Reason {
  std::uint64_t bit;
  const char* words;
};
constexpr Reason kSlowing[] = {{0x8, "hardware slowdown"},
                               {0x20, "software thermal slowdown"},
                               {0x40, "hardware thermal slowdown"},
                               {0x80, "power brake"}};
constexpr std::uint64_t kPowerCap = 0x4, kIdle = 0x1;

std::string reasons_in_words(std::uint64_t bits) {
  std::vector<std::string> words;
  for (const Reason& reason : kSlowing) {
    if ((bits & reason.bit) != 0) words.emplace_back(reason.words);
  }
  if ((bits & kPowerCap) != 0) words.emplace_back("at the power limit");
  if ((bits & kIdle) != 0) words.emplace_back("idle");
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

Finding gpu_throttle_reasons(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  int capped = 0;
  double least = 1.0;
  const auto sorted = sort_gpus(
      evidence, "clock reasons; clock; temperature", [&](const Gpu& gpu) -> std::optional<Judged> {
        if (!gpu.throttle_reasons) return std::nullopt;
        std::uint64_t slowing = 0;
        for (const Reason& reason : kSlowing) slowing |= *gpu.throttle_reasons & reason.bit;
        if ((*gpu.throttle_reasons & kPowerCap) != 0) ++capped;
        if (slowing != 0 && gpu.sm_clock_now && gpu.sm_clock_max && *gpu.sm_clock_max > 0) {
          least = std::min(least, static_cast<double>(*gpu.sm_clock_now) / *gpu.sm_clock_max);
        }
        return Judged{slowing == 0,
                      fmt::format("{}; {} of {} MHz; {} C (slows at {} C)",
                                  reasons_in_words(*gpu.throttle_reasons), shown(gpu.sm_clock_now),
                                  shown(gpu.sm_clock_max), shown(gpu.temperature),
                                  shown(gpu.temperature_slowdown))};
      });
  if (!sorted.bad.empty()) {
    return warn(fmt::format("heat or power slows {}", gpus_in_words(sorted.bad)), sorted.bad_read,
                least < 1.0
                    ? fmt::format("the slowest runs at {:.0f} % of its highest clock", 100 * least)
                    : "clocks below what the board can do");
  }
  if (sorted.good.empty()) return cannot_see("the driver did not tell why clocks change");
  return ok(capped > 0 ? fmt::format("no heat slows the GPUs; {} at the power limit", capped)
                       : "nothing slows the GPUs",
            sorted.good_read);
}

// Why the GPU's cooling deserves a look; empty: it does not.
std::string cooling_trouble(const machine::Facts& facts, const Gpu& gpu) {
  constexpr int kHotMemory = 95, kSmallMargin = 5, kWarm = 70, kWarmer = 10;
  constexpr double kSamePower = 0.15;
  if (gpu.temperature_margin && *gpu.temperature_margin <= kSmallMargin) {
    return fmt::format("{} degrees below its limit", *gpu.temperature_margin);
  }
  if (gpu.memory_temperature && *gpu.memory_temperature >= kHotMemory) {
    return fmt::format("memory at {} C", *gpu.memory_temperature);
  }
  if (gpu.fans.value_or(0) > 0 && gpu.fan_percent == 0 && gpu.temperature.value_or(0) >= kWarm) {
    return fmt::format("fans stand still at {} C", *gpu.temperature);
  }
  std::vector<int> siblings;
  for (const Gpu& other : facts.gpus) {
    if (other.index == gpu.index || !other.temperature || !other.power_now || !gpu.power_now) {
      continue;
    }
    const double apart = std::abs(*other.power_now - *gpu.power_now);
    if (apart <= kSamePower * *gpu.power_now) siblings.push_back(*other.temperature);
  }
  if (siblings.empty() || !gpu.temperature) return "";
  std::sort(siblings.begin(), siblings.end());
  const int middle = siblings[siblings.size() / 2];
  if (*gpu.temperature - middle <= kWarmer) return "";
  return fmt::format("{} C, {} above others at the same power", *gpu.temperature,
                     *gpu.temperature - middle);
}

Finding cooling_hardware(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto sorted = sort_gpus(evidence, "cooling", [&](const Gpu& gpu) -> std::optional<Judged> {
    if (!gpu.temperature) return std::nullopt;
    const std::string trouble = cooling_trouble(evidence.facts(), gpu);
    if (!trouble.empty()) return Judged{false, trouble};
    return Judged{
        true, fmt::format(
                  "{} C, memory {} C, fans {}", *gpu.temperature, shown(gpu.memory_temperature),
                  gpu.fans.value_or(0) == 0 ? "none on the board" : shown(gpu.fan_percent, " %"))};
  });
  if (!sorted.bad.empty()) {
    return warn(fmt::format("{}: {}", gpus_in_words(sorted.bad), sorted.bad_read.front().value),
                sorted.bad_read, "a GPU at its limit lowers its clocks: see gpu-throttle-reasons");
  }
  if (sorted.good.empty()) return cannot_see("the driver did not tell temperatures");
  return ok("temperatures are even and below their limits", sorted.good_read);
}

}  // namespace

std::vector<Probe> gpu_health_probes() {
  return {{"gpu-xid-errors", gpu_xid_errors},
          {"gpu-memory-errors", gpu_memory_errors},
          {"health-watch-configured", health_watch_configured},
          {"gpu-throttle-reasons", gpu_throttle_reasons},
          {"cooling-hardware", cooling_hardware}};
}

}  // namespace aisp::doctor
