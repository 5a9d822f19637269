// The vector of any machine: four lanes in the compiler's vector extension, products in plain
// loops. Slow and right; a multiply-add of floats rounds twice.
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/linear/layout.h"
#include "kernels/linear/simd.h"
#include "kernels/simd/mixed_vectors.h"
#include "kernels/simd/vectors.h"

namespace aisp::kernels::linear::portable {
namespace {

struct V : simd::portable::Mixed {
  static Int start(const std::byte*) { return zero(); }
  template <bool kSigned>
  static Int dot(Int sum, Int w, Int x) {
    std::uint8_t a[16];
    std::int8_t b[16];
    std::memcpy(a, &w, 16);
    std::memcpy(b, &x, 16);
    for (int i = 0; i < 16; ++i) sum[i / 4] += (a[i] - (kSigned ? 128 : 0)) * b[i];
    return sum;
  }
};
using F = simd::portable::V;
constexpr int kRows = 2, kFloatRows = 2;
#include "kernels/linear/simd.inc"

}  // namespace

Variant functions() { return filled(); }

}  // namespace aisp::kernels::linear::portable
