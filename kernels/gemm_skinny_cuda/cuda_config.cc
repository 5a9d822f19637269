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

// What of the device's multiprocessors clusters of this size can hold at once: they lie within
// groups of 16 or 18 (an H200's 132: 39 of 3 blocks, 30 of 4, 17 of 6, 15 of 8).
int blocks_that_fit(int cluster, int multiprocessors) {
  if (cluster <= 2) return multiprocessors;
  const int of_group = 16 / cluster * cluster;
  return multiprocessors / 18 * of_group;
}

// As many multiprocessors as clusters that divide each tile can keep busy; with two ways to the
// same number, the higher tiles, which need the tokens less often.
Config divided_config(const Shape& shape, int tokens, int multiprocessors) {
  Config best;
  for (const int rows : {128, 64}) {
    for (int split = 2; split <= 8; ++split) {
      const Config config =
          wgmma_with(shape, tokens, rows, 1, split, blocks_that_fit(split, multiprocessors));
      const std::int64_t tiles = (shape.n + rows - 1) / rows;
      if (config.blocks == tiles * split && config.blocks > best.blocks) best = config;
    }
  }
  return best;
}

// Few tiles: all divided. Many rows and more than a few tokens: high tiles, whose tokens the
// neighbours of a cluster share. Else pairs of blocks, the two multiprocessors that share a way to
// memory, which take the same number of tiles and divide the last one.
Config wgmma_config(const Shape& shape, const machine::CudaDevice& device) {
  const int tokens = round_tokens(shape.m, 128), all = device.multiprocessors;
  const auto tiles_of = [&](int rows) { return (shape.n + rows - 1) / rows; };
  if (tiles_of(64) <= all / 2) {
    const Config divided = divided_config(shape, tokens, all);
    if (divided.blocks > 0) return divided;
  }
  const int shared = blocks_that_fit(4, all);
  if (shared > 0 && tokens >= 32 && tiles_of(128) > (tokens > 64 ? all / 2 : shared)) {
    return wgmma_with(shape, tokens, 128, 4, 1, shared);
  }
  const Config pairs = wgmma_with(shape, tokens, 64, 1, 2, all);
  return pairs.blocks > 0 ? pairs : wgmma_with(shape, tokens, 64, 1, 1, all);
}

}  // namespace

Config choose_config(const Shape& shape, const machine::CudaDevice& device,
                     std::string_view variant) {
  const bool hopper = device.needs_hopper().empty();
  const bool wgmma = variant.empty() ? hopper : variant == "wgmma";
  Config config = wgmma ? wgmma_config(shape, device) : stream_config(shape, device);
  if (!wgmma) config.blocks = split_of(shape, config).blocks;
  return config;
}

std::size_t workspace_bytes(std::int64_t m, const machine::CudaDevice& device) {
  const std::int64_t tile = kStreamRows * round_tokens(m, 64) * 4;
  return static_cast<std::size_t>(kCounterBytes + 2 * device.multiprocessors * tile);
}

}  // namespace aisp::kernels::gemm_skinny_cuda
