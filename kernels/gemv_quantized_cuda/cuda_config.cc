// Tile and grid of a product with quantised weights: arithmetic on the shape and the device alone.
#include <algorithm>

#include "kernels/gemv_quantized_cuda/cuda.h"
#include "kernels/gemv_quantized_cuda/device_run.h"

namespace aisp::kernels::gemv_quantized_cuda {

Config choose_config(const Shape& shape, Format, const machine::CudaDevice& device,
                     std::string_view variant) {
  const bool bulk = variant.empty() ? device.needs_hopper().empty() : variant == "bulk";
  Config config{.variant = bulk ? "bulk" : "stream",
                .tile_rows = bulk ? kBulkRows : kStreamRows,
                .token_tiles = shape.m <= 8 ? 1 : 2};
  // One block fills a multiprocessor's shared memory, and stays.
  config.blocks = std::min(device.multiprocessors, gemm_skinny_cuda::kMaxBlocks);
  config.blocks = split_of(shape, config).blocks;
  return config;
}

std::size_t workspace_bytes(const machine::CudaDevice& device) {
  constexpr std::int64_t kTileBytes = std::int64_t{kBulkRows} * 16 * 4;
  return static_cast<std::size_t>(gemm_skinny_cuda::kCounterBytes +
                                  2 * device.multiprocessors * kTileBytes);
}

}  // namespace aisp::kernels::gemv_quantized_cuda
