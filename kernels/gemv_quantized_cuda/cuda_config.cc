// Tile and grid of a product with quantised weights: arithmetic on the shape and the device alone.
#include "kernels/gemv_quantized_cuda/cuda.h"
#include "kernels/gemv_quantized_cuda/device_run.h"

namespace aisp::kernels::gemv_quantized_cuda {

Config choose_config(const Shape& shape, Format format, const machine::CudaDevice& device,
                     std::string_view variant) {
  const bool can_bulk = device.needs_hopper().empty() && shape.k % kBulkStepK == 0;
  const bool bulk = variant.empty() ? can_bulk : variant == "bulk";
  // 64 rows, of which a block sums what fits in its range of K; four times as many with 4 bits
  // where that gives most multiprocessors one whole tile, which nobody has to complete: 8 x 28672 x
  // 8192 at 3.46 TB/s instead of 3.20, but 8 x 8192 x 8192 at 2.10 instead of 2.56 (one H200).
  const std::int64_t wide = kUnitRows * kWideRowWarps, wide_tiles = (shape.n + wide - 1) / wide;
  const bool whole = facts(format).bits == 4 && wide_tiles <= device.multiprocessors &&
                     wide_tiles * 10 >= device.multiprocessors * 8;
  Config config{.variant = bulk ? "bulk" : "stream",
                .tile_rows = bulk && whole ? static_cast<int>(wide) : kUnitRows,
                .token_tiles = shape.m <= 8 ? 1 : 2,
                .unit_k = kUnitK};
  // One block fills a multiprocessor's shared memory, and stays.
  const std::int64_t tiles = (shape.n + config.tile_rows - 1) / config.tile_rows;
  config.blocks = gemm_skinny_cuda::blocks_for(tiles, device.multiprocessors);
  config.blocks = split_of(shape, config).blocks;
  return config;
}

std::size_t workspace_bytes(const machine::CudaDevice& device) {
  constexpr std::int64_t kTileBytes = std::int64_t{kUnitRows} * kWideRowWarps * 16 * 4;
  return static_cast<std::size_t>(gemm_skinny_cuda::kCounterBytes +
                                  2 * device.multiprocessors * kTileBytes);
}

}  // namespace aisp::kernels::gemv_quantized_cuda
