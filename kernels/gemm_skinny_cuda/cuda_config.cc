// Which kernel, tile and grid for a skinny product: arithmetic on the shape and the device alone.
#include <algorithm>

#include "kernels/gemm_skinny_cuda/cuda.h"
#include "kernels/gemm_skinny_cuda/device_run.h"

namespace aisp::kernels::gemm_skinny_cuda {
namespace {

// The kernels are built for these many tokens: each size doubles the sums a thread holds.
int round_tokens(std::int64_t m, int most) {
  int tokens = 8;
  while (tokens < m && tokens < most) tokens *= 2;
  return tokens;
}

Config stream_config(const Shape& shape, const machine::CudaDevice& device) {
  Config config{.variant = "stream", .unit_k = kStreamUnitK};
  config.tile_tokens = round_tokens(shape.m, 64);
  config.tile_rows = kStreamRows;
  config.stages = stream_stages(config.tile_tokens);
  config.blocks = device.multiprocessors;
  return config;
}

Config wgmma_config(const Shape& shape, const machine::CudaDevice& device) {
  Config config{.variant = "wgmma", .unit_k = kWgmmaUnitK};
  config.tile_tokens = round_tokens(shape.m, 128);
  config.tile_rows = 128;
  config.stages = wgmma_stages(config.tile_rows, config.tile_tokens, config.tile_tokens <= 32);
  config.blocks = device.multiprocessors;
  return config;
}

}  // namespace

Config choose_config(const Shape& shape, const machine::CudaDevice& device,
                     std::string_view variant) {
  const bool hopper = device.needs_hopper().empty();
  const bool wgmma = variant.empty() ? hopper : variant == "wgmma";
  Config config = wgmma ? wgmma_config(shape, device) : stream_config(shape, device);
  config.blocks = std::min(config.blocks, kMaxBlocks);
  config.blocks = split_of(shape, config).blocks;
  return config;
}

std::size_t workspace_bytes(std::int64_t m, const machine::CudaDevice& device) {
  const std::int64_t tile = kMaxTileRows * round_tokens(m, 128) * 4;
  return static_cast<std::size_t>(kCounterBytes + 2 * device.multiprocessors * tile);
}

}  // namespace aisp::kernels::gemm_skinny_cuda
