// Measures of GPUs by looking at them over a while: busy, clocks, power, memory, links.
//
// Source: NVML API reference (clocks event reasons); nvidia-smi nvlink; DCGM exporter's metrics
// (DCGM_FI_PROF_*); DCGM field identifiers.
#include <fmt/format.h>

#include <map>
#include <thread>

#include "base/error.h"
#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/measures/gpu_samples.h"
#include "doctor/measures/prometheus.h"
#include "doctor/measures/user_command.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// Bits of nvmlClocksEventReasons.
constexpr std::uint64_t kPowerCap = 0x4, kHwSlowdown = 0x8, kSwThermal = 0x20, kHwThermal = 0x40,
                        kPowerBrake = 0x80;
constexpr std::uint64_t kHot = kHwSlowdown | kSwThermal | kHwThermal | kPowerBrake;

Json measure_samples(const Evidence&, double seconds) { return sample_gpus(seconds); }

std::string gpu_name(const Json& gpu) { return fmt::format("GPU {}", gpu.at("index").get<int>()); }

std::uint64_t reasons_of(const Json& gpu) {
  std::uint64_t bits = 0;
  for (const Json& one : gpu.at("throttle")) bits |= one.get<std::uint64_t>();
  return bits;
}

bool works(const Json& gpu) { return mean(values(gpu, "utilization")) > 10; }

Finding decide_busy(const Evidence&, const Json& found) {
  std::vector<double> means;
  std::vector<Reading> read;
  for (const Json& gpu : found.at("gpus")) {
    const auto busy = values(gpu, "utilization");
    if (busy.empty()) continue;
    means.push_back(mean(busy));
    read.push_back({gpu_name(gpu), fmt::format("busy {:.0f} %, memory {:.0f} %", means.back(),
                                               mean(values(gpu, "memory_utilization")))});
  }
  if (means.empty()) return cannot_see("no GPU tells how busy it is");
  const double all = mean(means);
  if (*std::max_element(means.begin(), means.end()) < 1) {
    return not_applicable("no GPU works: look while the job runs", read);
  }
  const std::string words = fmt::format("the GPUs are busy {:.0f} % of the time", all);
  if (all >= 80) return ok(words, read);
  return warn(words, read, fmt::format("{:.0f} % of the GPUs' time", 100 - all));
}

Finding decide_clocks(const Evidence&, const Json& found) {
  double worst = -1.0;
  std::string name, why;
  std::vector<Reading> read;
  for (const Json& gpu : found.at("gpus")) {
    const auto clocks = values(gpu, "sm_clock");
    if (clocks.size() < 5 || !works(gpu)) continue;
    const double spread = (quantile(clocks, 0.95) - quantile(clocks, 0.05)) / median(clocks);
    const std::uint64_t reasons = reasons_of(gpu);
    read.push_back(
        {gpu_name(gpu), fmt::format("{:.0f} MHz, spread {:.1f} %{}", median(clocks), 100 * spread,
                                    (reasons & kPowerCap) != 0 ? ", power cap" : "")});
    if (spread <= worst) continue;
    worst = spread;
    name = gpu_name(gpu);
    why = (reasons & kHot) != 0        ? "it is too hot or the supply brakes it"
          : (reasons & kPowerCap) != 0 ? "its power limit moves the clock"
                                       : "no reason given";
  }
  if (worst < 0) return not_applicable("no GPU works steadily: look while the job runs");
  const std::string words = fmt::format("the clock of {} varies by {:.1f} %", name, 100 * worst);
  if (worst <= 0.02) return ok(words, read);
  return warn(words + ": " + why, read, "figures of one run differ by as much");
}

Finding decide_cooling(const Evidence&, const Json& found) {
  std::vector<Reading> read, bad;
  for (const Json& gpu : found.at("gpus")) {
    const auto clocks = values(gpu, "sm_clock"), heat = values(gpu, "temperature");
    if (clocks.size() < 10 || !works(gpu)) continue;
    const std::size_t fifth = clocks.size() / 5;
    const double first = median({clocks.data(), fifth});
    const double last = median({clocks.data() + clocks.size() - fifth, fifth});
    const bool hot = (reasons_of(gpu) & kHot) != 0;
    const std::string words =
        fmt::format("{:.0f} then {:.0f} MHz, {:.0f} degrees C, {:.0f} W{}", first, last,
                    heat.empty() ? 0.0 : heat.back(), mean(values(gpu, "power")),
                    hot ? ", slowed by heat or the supply" : "");
    (hot || last < 0.97 * first ? bad : read).push_back({gpu_name(gpu), words});
  }
  if (!bad.empty()) {
    const std::string says =
        fmt::format("{} cannot hold its clock: {}", bad.front().source, bad.front().value);
    return warn(says, bad, "all ranks run at the pace of the slowest GPU");
  }
  if (read.empty()) return not_applicable("no GPU works steadily: look while the job runs");
  return ok(fmt::format("{} working GPUs hold their clocks", read.size()), read);
}

// Slope of a least-squares line and how much of the variance it explains.
std::pair<double, double> line_of(const std::vector<double>& y) {
  const double n = static_cast<double>(y.size()), mx = (n - 1) / 2, my = mean(y);
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double dx = static_cast<double>(i) - mx, dy = y[i] - my;
    xx += dx * dx;
    xy += dx * dy;
    yy += dy * dy;
  }
  return {xx > 0 ? xy / xx : 0.0, xx > 0 && yy > 0 ? xy * xy / (xx * yy) : 0.0};
}

Finding decide_growth(const Evidence&, const Json& found) {
  const double interval = found.at("interval_s").get<double>();
  std::vector<Reading> read, growing, full;
  for (const Json& gpu : found.at("gpus")) {
    const auto used = values(gpu, "memory_used");
    if (used.size() < 5 || !(interval > 0)) continue;
    const auto [slope, explained] = line_of(used);
    const double total = gpu.value("memory_total", 0.0);
    const double peak = *std::max_element(used.begin(), used.end());
    const std::string words =
        fmt::format("{:.0f} of {:.0f} MiB, {:+.1f} MiB/s", peak, total, slope / interval);
    read.push_back({gpu_name(gpu), words});
    if (slope > 0 && explained > 0.8) growing.push_back(read.back());
    if (total > 0 && peak > 0.95 * total) full.push_back(read.back());
  }
  if (read.empty()) return cannot_see("no GPU tells its memory");
  if (!growing.empty()) {
    return warn(
        fmt::format("memory of {} grows: {}", growing.front().source, growing.front().value),
        growing, "it ends out of memory");
  }
  if (!full.empty()) {
    return warn(fmt::format("memory of {} is full: {}", full.front().source, full.front().value),
                full, "the next longer batch ends out of memory");
  }
  return ok(fmt::format("memory of {} GPUs does not grow", read.size()), read);
}

Finding decide_power(const Evidence&, const Json& found) {
  double sum_peak = 0.0, limits = 0.0, steepest = 0.0;
  std::vector<double> node;
  std::vector<Reading> read;
  for (const Json& gpu : found.at("gpus")) {
    const auto power = values(gpu, "power");
    if (power.empty()) continue;
    const double limit = gpu.value("power_limit", 0.0);
    const double peak = *std::max_element(power.begin(), power.end());
    for (std::size_t i = 1; i < power.size(); ++i) {
      steepest = std::max(steepest, std::abs(power[i] - power[i - 1]));
    }
    node.resize(std::max(node.size(), power.size()));
    for (std::size_t i = 0; i < power.size(); ++i) node[i] += power[i];
    limits += limit;
    sum_peak += peak;
    read.push_back({gpu_name(gpu),
                    fmt::format("mean {:.0f}, peak {:.0f} of {:.0f} W", mean(power), peak, limit)});
  }
  if (read.empty() || !(limits > 0)) return cannot_see("no GPU tells its power and limit");
  const double peak = *std::max_element(node.begin(), node.end());
  read.push_back({"all together", fmt::format("mean {:.0f}, peak {:.0f} of {:.0f} W, steepest step "
                                              "{:.0f} W",
                                              mean(node), peak, limits, steepest)});
  const std::string words =
      fmt::format("the GPUs draw {:.0f} W, {:.0f} at most, of {:.0f}", mean(node), peak, limits);
  if (peak > 0.95 * limits) {
    return warn(words, read, "at the limit, clocks fall; stagger what spikes together");
  }
  return ok(words, read);
}

Finding decide_consolidate(const Evidence&, const Json& found) {
  std::vector<Reading> half;
  double busy = 0.0, watts = 0.0, memory = 0.0, capacity = 0.0;
  for (const Json& gpu : found.at("gpus")) {
    const double share = mean(values(gpu, "utilization"));
    const double used = mean(values(gpu, "memory_used"));
    const double total = gpu.value("memory_total", 0.0);
    if (used < 0.02 * total || share >= 50) continue;  // without a context, or busy
    busy += share;
    memory += used;
    capacity = std::max(capacity, total);
    watts += mean(values(gpu, "power"));
    half.push_back({gpu_name(gpu), fmt::format("busy {:.0f} %, {:.0f} MiB, {:.0f} W", share, used,
                                               mean(values(gpu, "power")))});
  }
  if (found.at("gpus").empty()) return cannot_see("no GPU could be sampled");
  if (half.size() < 2) return ok("no two GPUs in use are less than half busy", half);
  const auto needed = static_cast<std::size_t>(std::max(
      1.0, std::ceil(std::max(busy / 80.0, capacity > 0 ? memory / (0.9 * capacity) : 1.0))));
  if (needed >= half.size()) return ok("half-idle GPUs hold too much memory to be merged", half);
  const double freed = static_cast<double>(half.size() - needed);
  const double saved = freed * watts / static_cast<double>(half.size());
  return warn(fmt::format("{} GPUs are less than half busy; {} would do", half.size(), needed),
              std::move(half), fmt::format("about {:.0f} W and {:.0f} GPUs", saved, freed));
}

std::string needs_dcgm(const Evidence& evidence) {
  const std::string gpu = needs_gpu(evidence);
  if (!gpu.empty()) return gpu;
  return evidence.subject().metrics.empty()
             ? "no --metrics given: name a DCGM exporter, it reads the pipes' counters"
             : "";
}

Json measure_tensor(const Evidence& evidence, double) {
  const Samples now = fetch_samples(evidence.subject().metrics, 2.0);
  Json found = {{"gpus", Json::array()}};
  const auto tensor = now.find("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE");
  if (tensor == now.end()) return found;
  for (const Sample& sample : tensor->second) {
    found["gpus"].push_back({{"gpu", label_value(sample, "gpu")}, {"tensor", sample.value}});
  }
  found["sm"] = highest(now, "DCGM_FI_PROF_SM_ACTIVE", 0.0);
  found["dram"] = highest(now, "DCGM_FI_PROF_DRAM_ACTIVE", 0.0);
  return found;
}

Finding decide_tensor(const Evidence&, const Json& found) {
  std::vector<double> active;
  std::vector<Reading> read;
  for (const Json& gpu : found.at("gpus")) {
    active.push_back(gpu.at("tensor").get<double>());
    read.push_back({"GPU " + gpu.at("gpu").get<std::string>(),
                    "Tensor Cores active " + format_percent(active.back())});
  }
  if (active.empty())
    return cannot_see("the exporter publishes no DCGM_FI_PROF_PIPE_TENSOR_ACTIVE");
  const double sm = found.at("sm").get<double>(), dram = found.at("dram").get<double>();
  read.push_back({"busiest SMs, memory", format_percent(sm) + ", " + format_percent(dram)});
  if (sm < 0.1) return not_applicable("no GPU works: look while the job runs", read);
  const double all = mean(active);
  const std::string words =
      fmt::format("Tensor Cores are active {} of the time", format_percent(all));
  if (all >= 0.2) return ok(words, read);
  if (dram > 0.6) return ok(words + "; the memory sets the pace", read);
  return warn(words, read,
              "SMs work, but not on matrix units: precision, alignment or small shapes");
}

// "GPU 0: NVIDIA H100 ..." then "\t Link 0: Data Tx: 1234 KiB" or "\t Link 0: 26.562 GB/s".
std::map<std::string, double> link_values(const std::string& text, std::string_view key) {
  std::map<std::string, double> all;
  std::string gpu;
  for (const auto line : machine::split(text, '\n')) {
    const auto trimmed = machine::trim(line);
    if (trimmed.starts_with("GPU ")) gpu = std::string(trimmed.substr(0, trimmed.find(':')));
    if (!trimmed.starts_with("Link ")) continue;
    const std::size_t colon = trimmed.find(':');
    if (colon == trimmed.npos) continue;
    auto rest = machine::trim(trimmed.substr(colon + 1));
    if (!rest.starts_with(key)) continue;
    rest = machine::trim(rest.substr(key.size()));
    const auto value = machine::parse_number(rest.substr(0, rest.find(' ')));
    if (value) all[gpu + " " + std::string(trimmed.substr(0, colon))] = *value;
  }
  return all;
}

Json measure_links(const Evidence&, double seconds) {
  const auto ask = [](const char* line) { return run_command(line, 3.0).output; };
  const auto rated = link_values(ask("nvidia-smi nvlink -s"), "");
  const auto tx_a = link_values(ask("nvidia-smi nvlink -gt d"), "Data Tx:");
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const auto tx_b = link_values(ask("nvidia-smi nvlink -gt d"), "Data Tx:");
  Json rows = Json::array();
  for (const auto& [link, later] : tx_b) {
    const auto before = tx_a.find(link);
    const auto rating = rated.find(link);
    if (before == tx_a.end() || rating == rated.end()) continue;
    rows.push_back({{"link", link},
                    {"gb_per_s", (later - before->second) * 1024 / 1e9 / seconds},
                    {"rated_gb_per_s", rating->second}});
  }
  return {{"links", rows}};
}

std::string needs_links(const Evidence& evidence) {
  for (const auto& gpu : evidence.facts().gpus) {
    for (const auto& link : gpu.nvlinks) {
      if (link.active) return "";
    }
  }
  return evidence.facts().gpus.empty() ? "no GPU" : "no active NVLink";
}

Finding decide_links(const Evidence&, const Json& found) {
  double worst = 0.0, least = 1.0;
  std::string name;
  std::vector<Reading> read;
  for (const Json& row : found.at("links")) {
    const double rated = row.at("rated_gb_per_s").get<double>();
    if (!(rated > 0)) continue;
    const double share = row.at("gb_per_s").get<double>() / rated;
    least = std::min(least, share);
    if (read.size() < 8) {
      read.push_back(
          {row.at("link").get<std::string>(),
           fmt::format("{:.3g} of {:.3g} GB/s", row.at("gb_per_s").get<double>(), rated)});
    }
    if (share >= worst) {
      worst = share;
      name = row.at("link").get<std::string>();
    }
  }
  if (read.empty()) return cannot_see("nvidia-smi tells no counters of links");
  const std::string words = fmt::format("{} carries {} of its rating", name, format_percent(worst));
  if (worst > 0.85)
    return warn(words, read, "the link sets the pace: fewer bytes, or more overlap");
  if (worst > 0.1 && worst - least > 0.2) {
    return warn(fmt::format("links carry {} to {} of their rating", format_percent(least),
                            format_percent(worst)),
                read, "the busiest link sets the pace of all");
  }
  return ok(words, read);
}

}  // namespace

std::vector<Measure> gpu_sampled_measures() {
  constexpr double kSeconds = 3.0;
  return {
      {"utilization-metrics", needs_gpu, measure_samples, guarded<decide_busy>, kSeconds},
      {"clock-stability", needs_gpu, measure_samples, guarded<decide_clocks>, kSeconds},
      {"power-cooling-headroom", needs_gpu, measure_samples, guarded<decide_cooling>, kSeconds},
      {"gpu-memory-growth", needs_gpu, measure_samples, guarded<decide_growth>, kSeconds},
      {"power-profile", needs_gpu, measure_samples, guarded<decide_power>, kSeconds},
      {"consolidate-low-utilization", needs_gpus, measure_samples, guarded<decide_consolidate>,
       kSeconds},
      {"tensor-core-utilization", needs_dcgm, measure_tensor, guarded<decide_tensor>, 1.0},
      {"nvlink-saturation", needs_links, measure_links, guarded<decide_links>, 1.0},
  };
}

}  // namespace aisp::doctor
