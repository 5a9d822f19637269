// Without conversions: four bits put into the mantissa of 2^23 are the float 2^23 + 16^i w, from
// which one subtraction leaves 16^i (w - 8), exactly; x is divided by 16^i beforehand. In C++: the
// compiler is expected to find the instruction that masks and merges at once (lop3).
// Source: Kim et al., "Who Says Elephants Can't Run" (2022); FasterTransformer,
// interleaved_numeric_conversion.h.
#include "labs/ch09_fusion/inline_ptx/rows.h"

namespace aisp::labs::ch09::inline_ptx {
namespace {

constexpr std::uint32_t kMagic = 0x4b000000u;  // 2^23

struct MagicNumber {
  static __device__ uint4 load(const uint4* from) { return *from; }
  static __device__ void prepare(float4& x) { x = {x.x, x.y / 16.0f, x.z / 256.0f, x.w / 4096.0f}; }
  static __device__ float add(float sum, std::uint32_t bits, const float (&x)[8]) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const std::uint32_t half = i < 4 ? bits : bits >> 16;
      const float shifted = __uint_as_float((half & 15u << 4 * (i % 4)) | kMagic);
      sum += (shifted - (8388608.0f + static_cast<float>(8 << 4 * (i % 4)))) * x[i];
    }
    return sum;
  }
};

}  // namespace

std::unique_ptr<bench::Plan> plan_magic_number(const bench::Params& params) {
  return plan_rows<MagicNumber>(params);
}

}  // namespace aisp::labs::ch09::inline_ptx
