// The three instruction sets around simd.inc. Headers come before the regions, so that nothing
// shared is compiled for a wider machine.
#include "kernels/reduce/simd.h"

#include "kernels/simd/vectors.h"

namespace aisp::kernels::reduce::portable {
namespace {
using simd::portable::V;
#include "kernels/reduce/simd.inc"
}  // namespace
const SimdFunctions kFunctions = {&sum, &dot};
}  // namespace aisp::kernels::reduce::portable

#if AISP_X86

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::reduce::avx2 {
namespace {
using simd::avx2::V;
#include "kernels/reduce/simd.inc"
}  // namespace
const SimdFunctions kFunctions = {&sum, &dot};
}  // namespace aisp::kernels::reduce::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace aisp::kernels::reduce::avx512 {
namespace {
using simd::avx512::V;
#include "kernels/reduce/simd.inc"
}  // namespace
const SimdFunctions kFunctions = {&sum, &dot};
}  // namespace aisp::kernels::reduce::avx512
AISP_TARGET_END

#endif
