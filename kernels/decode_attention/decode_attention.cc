// simd.inc for each instruction set, and the choice.
#include "kernels/decode_attention/decode_attention.h"

#include "base/check.h"
#include "kernels/decode_attention/variants.h"
#include "kernels/simd/vectors.h"

namespace aisp::kernels::decode_attention {

namespace portable {
namespace {
using simd::portable::V;
#include "kernels/decode_attention/simd.inc"
}  // namespace
}  // namespace portable

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
namespace {
using simd::avx2::V;
#include "kernels/decode_attention/simd.inc"
}  // namespace
}  // namespace avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace avx512 {
namespace {
using simd::avx512::V;
#include "kernels/decode_attention/simd.inc"
}  // namespace
}  // namespace avx512
AISP_TARGET_END
#endif

std::vector<Variant> variants(const machine::Cpu& cpu) {
  std::vector<Variant> usable;
#if AISP_X86
  if (cpu.avx512) usable.push_back({"avx512", &avx512::attend});
  if (cpu.avx2) usable.push_back({"avx2", &avx2::attend});
#endif
  usable.push_back({"portable", &portable::attend});
  return usable;
}

std::size_t scratch_floats(const Shape& shape, std::int64_t tokens) {
  check(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0,
        "decode_attention: query heads must share KV heads evenly");
  return static_cast<std::size_t>(shape.heads / shape.kv_heads * tokens);
}

void attend(const Shape& shape, std::span<const Run> runs, const float* q, float* scratch,
            float* out) {
  static const Variant widest = variants(machine::cpu()).front();
  widest.attend(shape, runs, q, scratch, out);
}

}  // namespace aisp::kernels::decode_attention
