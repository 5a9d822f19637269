// Figures of all GPUs over a while, as nvidia-smi prints them: what the measures of gpu_sampled.cc
// judge.
#pragma once

#include <string>
#include <string_view>

#include "doctor/evidence.h"

namespace aisp::doctor {

/// {"interval_s": 0.1, "gpus": [{"index": 0, "utilization": [..], "memory_utilization": [..],
/// "sm_clock": [..], "memory_clock": [..], "power": [..], "temperature": [..], "memory_used": [..],
/// "throttle": [..], "power_limit": 700, "memory_total": 81559, "sm_clock_max": 1980}]}. Percent,
/// MHz, W, degrees C, MiB. What a GPU does not tell is left out of its list.
Json parse_gpu_samples(std::string_view lines, double interval_s);

/// Runs `nvidia-smi -lms 100` for `seconds`; kept for the next measure that asks. Throws Error when
/// it cannot be run.
Json sample_gpus(double seconds);

}  // namespace aisp::doctor
