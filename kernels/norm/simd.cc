// The three instruction sets: the vectors of kernels/simd, and simd.inc around them.
#include "kernels/norm/simd.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/simd/vectors.h"

namespace aisp::kernels::norm::portable {
namespace {
using simd::portable::V;
#include "kernels/norm/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::kernels::norm::portable

#if AISP_X86

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::norm::avx2 {
namespace {
using simd::avx2::V;
#include "kernels/norm/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::kernels::norm::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace aisp::kernels::norm::avx512 {
namespace {
using simd::avx512::V;
#include "kernels/norm/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::kernels::norm::avx512
AISP_TARGET_END

#endif
