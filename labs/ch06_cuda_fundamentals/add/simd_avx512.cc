// 16 elements at a time: AVX-512.
#include <cstdint>

#include "kernels/simd/vectors.h"
#include "labs/ch06_cuda_fundamentals/add/problem.h"

namespace aisp::labs::ch06::add {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {
namespace {
using kernels::simd::avx512::V;
__attribute__((always_inline)) inline void stream(float* at, __m512 value) {
  _mm512_stream_ps(at, value);
}
#include "labs/ch06_cuda_fundamentals/add/add_body.inc"
}  // namespace
}  // namespace avx512

void add_avx512(const Arrays& arrays, bool stream) { avx512::run(arrays, stream); }
AISP_TARGET_END
#else
void add_avx512(const Arrays& arrays, bool stream) { add_plain(arrays, stream); }
#endif

bench::Technique simd_avx512() {
  return {
      .name = "simd_avx512",
      .summary = "16 elements at a time, stores through the caches",
      .needs = [](const machine::Cpu& cpu) { return cpu.avx512 ? "" : "needs AVX-512"; },
      .plan =
          [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) { add_avx512(arrays_of(io), false); });
          }};
}

}  // namespace aisp::labs::ch06::add
