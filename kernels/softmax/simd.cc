// The three instruction sets: the vectors of kernels/simd, and simd.inc around them.
#include "kernels/softmax/simd.h"

#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/simd/vectors.h"

namespace aisp::kernels::softmax::portable {
namespace {
using simd::portable::V;
#include "kernels/softmax/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::kernels::softmax::portable

#if AISP_X86

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::softmax::avx2 {
namespace {
using simd::avx2::V;
#include "kernels/softmax/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::kernels::softmax::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace aisp::kernels::softmax::avx512 {
namespace {
using simd::avx512::V;
#include "kernels/softmax/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::kernels::softmax::avx512
AISP_TARGET_END

#endif
