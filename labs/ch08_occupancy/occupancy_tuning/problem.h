// SwiGLU: out[i] = silu(gate[i]) * up[i], f32, one element a thread. The kernel is the same in
// every technique; only the size of its blocks differs.
#pragma once

#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch08::occupancy_tuning {

/// One block of `threads` threads for as many elements.
std::unique_ptr<bench::Plan> plan_blocks(const bench::Params& params, int threads);
/// The block size of cudaOccupancyMaxPotentialBlockSize for this kernel on this device.
int block_of_occupancy_api();

std::unique_ptr<bench::Plan> plan_block_32(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_block_64(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_block_128(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_block_256(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_block_512(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_block_1024(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_occupancy_api(const bench::Params& params);

}  // namespace aisp::labs::ch08::occupancy_tuning
