// Which tile: arithmetic on the shape and the number of multiprocessors.
#include <algorithm>

#include "kernels/gemm_cuda/cuda.h"

namespace aisp::kernels::gemm_cuda {
namespace {

std::int64_t ceil_div(std::int64_t n, std::int64_t d) { return (n + d - 1) / d; }

// Time of a tiling in tiles of 256 columns: waves of clusters times a tile's time.
double time_of(const Shape& shape, const Config& config, int tile_n, bool gated, int clusters) {
  const std::int64_t columns = gated ? tile_n / 2 : tile_n;
  const std::int64_t tiles = ceil_div(shape.M, 128 * config.cluster) * ceil_div(shape.N, columns);
  // 128 x 128 moves 4/3 of the bytes to shared memory for each flop, and reads 6/5 for each
  // instruction: it runs at about 0.85 of the rate of 128 x 256.
  const double tile_time = tile_n == 256 ? 1.0 : 0.5 / 0.85;
  return static_cast<double>(ceil_div(tiles, clusters)) * tile_time;
}

}  // namespace

Config choose_config(const Shape& shape, bool gated, const machine::CudaDevice& device) {
  Config config;
  if (shape.M <= 128) config.cluster = 1;  // the second block would multiply zeros
  const int clusters = std::max(1, device.multiprocessors / config.cluster);
  // Gate and up need the registers of 256 columns' sums to leave 128 columns of C.
  if (!gated &&
      time_of(shape, config, 128, gated, clusters) < time_of(shape, config, 256, gated, clusters)) {
    config.tile_n = 128;
  }
  // 66 clusters of 256 x 256 work at a time: 8 row tiles by 8 column tiles is the squarest, and
  // then L2 is asked for the fewest distinct bytes.
  config.group = 8;
  return config;
}

}  // namespace aisp::kernels::gemm_cuda
