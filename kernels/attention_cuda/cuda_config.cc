// Tiles and grid of the Hopper kernel. Reads nothing but its arguments.
#include <algorithm>

#include "kernels/attention_cuda/cuda.h"

namespace aisp::kernels::attention_cuda {

Config choose_config(const Shape& shape, const machine::CudaDevice& device) {
  Config config;
  // Registers of a consumer: D / 2 of output, tile_keys / 2 of scores, tile_keys / 4 of
  // probabilities, about 30 others. Two warpgroups may have 240 each, three 160. Where D is 64 a
  // tile of K and V is half as long to multiply, and a third warpgroup's softmax hides more of it.
  config.tile_queries = shape.D == 64 ? 192 : 128;
  config.tile_keys = 128;
  const std::int64_t tiles =
      (shape.queries + config.tile_queries - 1) / config.tile_queries * shape.batch * shape.heads;
  config.blocks =
      static_cast<int>(std::clamp<std::int64_t>(tiles, 1, std::max(1, device.multiprocessors)));
  // K and V of a section take at most 5/8 of the second-level cache: Q and O pass through it too.
  const std::int64_t pair_bytes = std::max<std::int64_t>(1, 4 * shape.keys * shape.D);
  const std::int64_t fit = static_cast<std::int64_t>(device.l2_bytes) / 8 * 5 / pair_bytes;
  const std::int64_t group = shape.heads / std::max<std::int64_t>(1, shape.kv_heads);
  config.section_heads =
      static_cast<int>(std::min(std::max<std::int64_t>(1, fit) * group,
                                std::max<std::int64_t>(1, shape.batch * shape.heads)));
  return config;
}

}  // namespace aisp::kernels::attention_cuda
