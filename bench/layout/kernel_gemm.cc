// A micro-kernel of a matrix product: a 4 x 8 tile in registers over a depth of 256.
#include <cstring>

#include "bench/layout/kernels.h"

namespace {

using Vector = float __attribute__((vector_size(16)));

Vector load(const float* from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

extern "C" std::uint64_t layout_gemm(const aisp::layout::Data& data) {
  constexpr std::size_t kDepth = 256, kTiles = 16;
  for (std::size_t tile = 0; tile < kTiles; ++tile) {
    const float* a = data.left + tile * 4 * kDepth;
    Vector sum[4][2] = {};
    for (std::size_t k = 0; k < kDepth; ++k) {
      const Vector low = load(data.right + 8 * k), high = load(data.right + 8 * k + 4);
      for (std::size_t row = 0; row < 4; ++row) {
        const float scale = a[4 * k + row];
        const Vector all = {scale, scale, scale, scale};
        sum[row][0] += all * low;
        sum[row][1] += all * high;
      }
    }
    std::memcpy(data.out + tile * 32, sum, sizeof sum);
  }
  return static_cast<std::uint64_t>(data.out[data.bytes[0]]);
}
