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
  config.blocks = std::min(device.multiprocessors, kMaxBlocks);
  return config;
}

// Tiles of 64 rows, or of 128 where only they divide evenly. Where none does, tokens decide: they
// come from L2 for each tile again, and 64 of them for 64 rows would double the traffic.
Config wgmma_config(const Shape& shape, const machine::CudaDevice& device) {
  Config config{.variant = "wgmma"};
  config.tile_tokens = round_tokens(shape.m, 128);
  config.tile_rows = config.tile_tokens <= 32 ? 64 : 128;
  for (const int rows : {128, 64}) {
    const std::int64_t tiles = (shape.n + rows - 1) / rows;
    if (blocks_for(tiles, device.multiprocessors) % tiles == 0) config.tile_rows = rows;
  }
  config.blocks =
      blocks_for((shape.n + config.tile_rows - 1) / config.tile_rows, device.multiprocessors);
  config.unit_k = kWgmmaUnitK * wgmma_steps(config.tile_rows, config.tile_tokens);
  config.stages = wgmma_stages(config.tile_rows, config.tile_tokens);
  return config;
}

}  // namespace

Config choose_config(const Shape& shape, const machine::CudaDevice& device,
                     std::string_view variant) {
  const bool hopper = device.needs_hopper().empty();
  const bool wgmma = variant.empty() ? hopper : variant == "wgmma";
  Config config = wgmma ? wgmma_config(shape, device) : stream_config(shape, device);
  config.blocks = split_of(shape, config).blocks;
  return config;
}

std::size_t workspace_bytes(std::int64_t m, const machine::CudaDevice& device) {
  const std::int64_t tile = kMaxTileRows * round_tokens(m, 128) * 4;
  return static_cast<std::size_t>(kCounterBytes + 2 * device.multiprocessors * tile);
}

}  // namespace aisp::kernels::gemm_skinny_cuda
