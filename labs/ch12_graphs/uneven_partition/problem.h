// Segments of very different length, each scaled to a mean square of one (a packed batch of
// variable-length rows):  y[i] = x[i] / sqrt(mean of x[j]^2 over i's segment + kEpsilon).
// Lengths fall as 1 / rank, in an order that the seed decides. Params: segments, longest. Inputs
// x[total] f32, offsets[segments + 1] i32 on the device, and the same offsets in host memory, where
// schedulers have them too. Output y[total]. GPU only.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"

namespace aisp::labs::ch12::uneven_partition {

inline constexpr float kEpsilon = 1e-6F;

/// The lengths of a case, longest first: max(1, longest / rank).
std::vector<std::int32_t> lengths_by_rank(const bench::Params& params);

std::unique_ptr<bench::Plan> plan_launch_per_segment(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_device_launch(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_wide_grid(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_equal_shares(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_pull_segments(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_split_chunks(const bench::Params& params);

}  // namespace aisp::labs::ch12::uneven_partition
