// RMS norm of the rows of several small batches: y[b][r] = x[b][r] * weight / rms(x[b][r]). Each
// batch is a launch of too few blocks to fill the device, by a kernel whose warps have roles: one
// loads rows with the copy engine, four normalise them in shared memory, one stores them. Params:
// batches, rows (of a batch), width (a multiple of 4, the copy engine's rule). Inputs
// x[batches][rows][width], weight[width]; output y. f32. GPU only.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch11::warp_specialized_multistream {

inline constexpr float kEpsilon = 1e-5F;

std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_two_pipelines(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_many_streams(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_launch(const bench::Params& params);

}  // namespace aisp::labs::ch11::warp_specialized_multistream
