// The product on the GPU by tiles, and three ways to choose the tile: what sgemm_tiles.cuh is built
// for, arithmetic on the shape and the device, and times. Pure, but for tune_tiles(): tests ask
// about machines that are not there.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "labs/ch06_cuda_fundamentals/autotuning/problem.h"

namespace aisp::labs::ch06::autotuning {

/// A block computes rows x columns of C, depth of K at a time, each thread 4 or 8 of each; `splits`
/// blocks share one such piece, each with a part of K, and their sums are added afterwards.
struct DeviceTile {
  int rows = 0, columns = 0, depth = 0;
  int rows_each = 0, columns_each = 0;  // of a thread
  int splits = 1;
  int threads() const { return rows / rows_each * (columns / columns_each); }
  bool operator==(const DeviceTile&) const = default;
};

/// What sgemm_tiles.cuh has, without splits: from 128 x 128 for large products (8 x 8 sums in
/// each thread need a load for every 4 multiply-adds, 4 x 4 for every 2) to 16 x 64 for decoding.
inline constexpr DeviceTile kDeviceTiles[] = {
    {128, 128, 8, 8, 8}, {128, 64, 8, 8, 4}, {64, 64, 16, 4, 4}, {32, 64, 16, 4, 4},
    {32, 32, 16, 4, 4},  {16, 64, 16, 4, 4}, {16, 32, 16, 4, 4}};

/// 128 x 128, whatever the shape: the tile that every tutorial ends with.
DeviceTile fixed_tile();

/// Every tile with 1, 2, 4, 8 and 16 splits of at least 128 of K; the fixed one first.
std::vector<DeviceTile> tile_candidates(const Shape& shape);

/// Seconds that arithmetic expects: rounds of blocks over the multiprocessors, the multiply-adds of
/// a round with their loads from shared memory, and the traffic of the split sums.
double expected_seconds(const DeviceTile& tile, const Shape& shape,
                        const machine::CudaDevice& device);

/// The candidate with the least expected seconds.
DeviceTile model_tile_of(const Shape& shape, const machine::CudaDevice& device);

/// The quickest candidate on random numbers of its own: a median of 5 times of 3 calls each, after
/// one call to warm up. Needs a device.
DeviceTile tune_tiles(const Shape& shape);

/// Runs one tile; scratch for the splits is in the plan.
std::unique_ptr<bench::Plan> plan_with_tile(const bench::Params& params, const DeviceTile& tile);

std::unique_ptr<bench::Plan> plan_fixed_tile(const bench::Params&);
std::unique_ptr<bench::Plan> plan_model_tile(const bench::Params&);
std::unique_ptr<bench::Plan> plan_timed_tile(const bench::Params&);

}  // namespace aisp::labs::ch06::autotuning
