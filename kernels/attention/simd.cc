// The three instruction sets: the vectors of kernels/simd, and simd.inc and decode.inc around them.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/attention/variants.h"
#include "kernels/simd/transpose.h"
#include "kernels/simd/vectors.h"

namespace aisp::kernels::attention::portable {
namespace {
using simd::portable::V;
// 8 accumulators, 2 vectors and 1 broadcast of generic x86-64's 16 registers; two-operand SSE
// instructions need the rest for copies.
constexpr int kVectors = 2;
constexpr int kRows = 4;
constexpr int kHeadsAtOnce = 2;
#include "kernels/attention/simd.inc"

#include "kernels/attention/decode.inc"
}  // namespace
const SimdFunctions kFunctions = {kQueries, &scratch_floats, &attend, &attend_group};
}  // namespace aisp::kernels::attention::portable

#if AISP_X86

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::attention::avx2 {
namespace {
using simd::avx2::V;
// 12 accumulators, 3 vectors and 1 broadcast are all 16 registers; 8 chains cover the latency of
// FMA (4 cycles, 2 a cycle); 7 loads feed 12 FMAs. 2 x 4 ran at 0.84, 2 x 6 at 0.95 of this speed.
constexpr int kVectors = 3;
constexpr int kRows = 4;
constexpr int kHeadsAtOnce = 2;
#include "kernels/attention/simd.inc"

#include "kernels/attention/decode.inc"
}  // namespace
const SimdFunctions kFunctions = {kQueries, &scratch_floats, &attend, &attend_group};
}  // namespace aisp::kernels::attention::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace aisp::kernels::attention::avx512 {
namespace {
using simd::avx512::V;
// 16 accumulators of 32 registers; 8 chains cover the latency of FMA (4 cycles, at most 2 a cycle);
// 10 loads feed 16 FMAs. 4 x 4, 4 x 6 and 3 x 8 ran at 0.96 to 0.97 of this speed: larger tiles of
// queries waste more at the diagonal.
constexpr int kVectors = 2;
constexpr int kRows = 8;
constexpr int kHeadsAtOnce = 4;
#include "kernels/attention/simd.inc"

#include "kernels/attention/decode.inc"
}  // namespace
const SimdFunctions kFunctions = {kQueries, &scratch_floats, &attend, &attend_group};
}  // namespace aisp::kernels::attention::avx512
AISP_TARGET_END

#endif
