// The choices of grid.h.
#include "kernels/cuda/grid.h"

#include "base/check.h"

namespace aisp::kernels::cuda {

RowConfig choose_row_config(std::int64_t rows, std::int64_t n, int element_bytes, bool aligned,
                            int packs) {
  check(n >= 1 && n <= longest_row(element_bytes), "row kernel: the row does not fit in a block");
  RowConfig config;
  config.aligned = aligned;
  const std::int64_t lanes = 16 / element_bytes, all = (n + lanes - 1) / lanes;
  config.packs = packs;
  while (config.packs > 1 && all <= config.packs / 2 * 32) config.packs /= 2;
  while (config.packs < 8 && all > config.packs * 512) config.packs *= 2;
  const std::int64_t threads = (all + config.packs - 1) / config.packs;
  config.threads = static_cast<int>((threads + 31) / 32 * 32);
  // Eight short rows a block of 256 threads: a block of one warp would reach 32 of the 64 warps
  // that a multiprocessor holds.
  config.rows_per_block = config.threads == 32 ? 8 : 1;
  config.blocks = (rows + config.rows_per_block - 1) / config.rows_per_block;
  return config;
}

}  // namespace aisp::kernels::cuda
