// 8 elements at a time: AVX2.
#include <cstdint>

#include "kernels/simd/vectors.h"
#include "labs/ch06_cuda_fundamentals/add/problem.h"

namespace aisp::labs::ch06::add {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
namespace {
using kernels::simd::avx2::V;
__attribute__((always_inline)) inline void stream(float* at, __m256 value) {
  _mm256_stream_ps(at, value);
}
#include "labs/ch06_cuda_fundamentals/add/add_body.inc"
}  // namespace
}  // namespace avx2

void add_avx2(const Arrays& arrays, bool stream) { avx2::run(arrays, stream); }
AISP_TARGET_END
#else
void add_avx2(const Arrays& arrays, bool stream) { add_plain(arrays, stream); }
#endif

bench::Technique simd_avx2() {
  return {.name = "simd_avx2",
          .summary = "8 elements at a time, stores through the caches",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx2 ? "" : "needs AVX2"; },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of([](const bench::Io& io) { add_avx2(arrays_of(io), false); });
              }};
}

}  // namespace aisp::labs::ch06::add
