// See gpu_samples.h. Source: nvidia-smi --help-query-gpu.
#include "doctor/measures/gpu_samples.h"

#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "doctor/measures/user_command.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr double kIntervalS = 0.1;

// In the order of the query.
const char* const kSeries[] = {"utilization", "memory_utilization", "sm_clock",   "memory_clock",
                               "power",       "temperature",        "memory_used"};
const char* const kQuery =
    "index,utilization.gpu,utilization.memory,clocks.sm,clocks.mem,power.draw,temperature.gpu,"
    "memory.used,clocks_throttle_reasons.active,power.limit,memory.total,clocks.max.sm";

}  // namespace

Json parse_gpu_samples(std::string_view lines, double interval_s) {
  std::map<int, Json> gpus;
  for (const auto line : machine::split(lines, '\n')) {
    const auto words = machine::split(line, ',');
    if (words.size() != 12) continue;
    const auto index = machine::parse_number(words[0]);
    if (!index || *index < 0 || *index > 1023) continue;
    Json& gpu = gpus[static_cast<int>(*index)];
    gpu["index"] = static_cast<int>(*index);
    for (std::size_t i = 0; i < std::size(kSeries); ++i) {
      if (!gpu.contains(kSeries[i])) gpu[kSeries[i]] = Json::array();
      if (const auto value = machine::parse_number(words[i + 1])) gpu[kSeries[i]].push_back(*value);
    }
    if (!gpu.contains("throttle")) gpu["throttle"] = Json::array();
    const std::string bits(machine::trim(words[8]));
    if (bits.starts_with("0x")) {
      gpu["throttle"].push_back(std::strtoull(bits.c_str(), nullptr, 16));
    }
    const char* const kOnce[] = {"power_limit", "memory_total", "sm_clock_max"};
    for (std::size_t i = 0; i < std::size(kOnce); ++i) {
      if (const auto value = machine::parse_number(words[9 + i])) gpu[kOnce[i]] = *value;
    }
  }
  Json found = {{"interval_s", interval_s}, {"gpus", Json::array()}};
  for (auto& [index, gpu] : gpus) found["gpus"].push_back(std::move(gpu));
  return found;
}

Json sample_gpus(double seconds) {
  static Json last;
  if (!last.is_null()) return last;
  const CommandRun run = run_command(
      fmt::format("exec nvidia-smi --query-gpu={} --format=csv,noheader,nounits -lms {:.0f}",
                  kQuery, kIntervalS * 1000),
      seconds);
  Json found = parse_gpu_samples(run.output, kIntervalS);
  if (found.at("gpus").empty()) {
    throw Error(run.output.empty() ? "prints nothing" : run.output.substr(0, 80), "nvidia-smi",
                "install the driver's tools: they tell how busy a GPU is");
  }
  last = found;
  return found;
}

}  // namespace aisp::doctor
