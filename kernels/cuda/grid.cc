// The choices of grid.h.
#include "kernels/cuda/grid.h"

#include <algorithm>

#include "base/check.h"

namespace aisp::kernels::cuda {

RowConfig choose_row_config(std::int64_t rows, std::int64_t n, int element_bytes, bool aligned,
                            const machine::CudaDevice& device, int most_packs) {
  check(n >= 1 && n <= longest_row(element_bytes), "row kernel: the row does not fit in a block");
  RowConfig config;
  config.aligned = aligned;
  const std::int64_t lanes = 16 / element_bytes, packs = (n + lanes - 1) / lanes;
  // As few packs a thread as 512 threads allow: more threads have more loads in flight, and blocks
  // above 512 threads leave no room for a second row beside them.
  config.packs = 1;
  while (config.packs < 8 && packs > config.packs * (config.packs < most_packs ? 256 : 512)) {
    config.packs *= 2;
  }
  const std::int64_t threads = (packs + config.packs - 1) / config.packs;
  config.threads = static_cast<int>((threads + 31) / 32 * 32);
  // Eight short rows a block of 256 threads: a block of one warp would reach 32 of the 64 warps
  // that a multiprocessor holds.
  config.rows_per_block = config.threads == 32 ? 8 : 1;
  // Blocks that stay for many rows load the next row while they reduce one; with more than 2 packs
  // there are no registers for that, and blocks come and go. 1024 threads of 64 registers fit.
  const std::int64_t resident = std::max(1, 1024 / (config.threads * config.rows_per_block));
  config.blocks = (rows + config.rows_per_block - 1) / config.rows_per_block;
  if (config.packs <= 2) {
    config.blocks = std::min(config.blocks, std::max(1, device.multiprocessors) * resident);
  }
  return config;
}

}  // namespace aisp::kernels::cuda
