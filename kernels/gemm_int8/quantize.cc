// Quantisation of rows: quantize.inc for each instruction set, and the choice.
#include "kernels/gemm_int8/quantize.h"

#include "base/simd_target.h"
#include "machine/cpu.h"

namespace aisp::kernels::gemm_int8::portable {
namespace {
#include "kernels/gemm_int8/quantize.inc"
}
}  // namespace aisp::kernels::gemm_int8::portable

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::gemm_int8::avx2 {
namespace {
#include "kernels/gemm_int8/quantize.inc"
}
}  // namespace aisp::kernels::gemm_int8::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace aisp::kernels::gemm_int8::avx512 {
namespace {
#include "kernels/gemm_int8/quantize.inc"
}
}  // namespace aisp::kernels::gemm_int8::avx512
AISP_TARGET_END
#endif

namespace aisp::kernels::gemm_int8 {

void quantize_rows(std::int64_t rows, std::int64_t k, const float* x, std::int8_t* q,
                   float* scales) {
#if AISP_X86
  const machine::Cpu& cpu = machine::cpu();
  if (cpu.avx512) return avx512::quantize(rows, k, x, q, scales);
  if (cpu.avx2) return avx2::quantize(rows, k, x, q, scales);
#endif
  portable::quantize(rows, k, x, q, scales);
}

}  // namespace aisp::kernels::gemm_int8
