// Row order with AVX-512: eight rows are added onto the sums at a time, so that the sums are loaded
// and stored once for eight rows, and eight sequential streams feed the prefetchers.
#include <algorithm>

#include "base/simd_target.h"
#include "labs/ch06_cuda_fundamentals/bank_conflicts/problem.h"

namespace aisp::labs::ch06::bank_conflicts {
namespace {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512

// Fewer rows load and store the sums more often (AVX2: 60 GB/s with 2 rows, 73 with 8). With 16
// rows a power of two apart, 16 lines compete for the 8 ways of one L1 set: 49 GB/s.
constexpr std::int64_t kRows = 8;

// out[j] += rows [0, count) at column j. count in [1, kRows]; a constant 8 unrolls.
inline void add_rows(const float* in, std::int64_t cols, std::int64_t count, float* out) {
  std::int64_t j = 0;
  for (; j + 16 <= cols; j += 16) {
    __m512 sum = _mm512_loadu_ps(out + j);
#pragma GCC unroll 8
    for (std::int64_t i = 0; i < count; ++i) {
      sum = _mm512_add_ps(sum, _mm512_loadu_ps(in + i * cols + j));
    }
    _mm512_storeu_ps(out + j, sum);
  }
  for (; j < cols; ++j) {
    for (std::int64_t i = 0; i < count; ++i) out[j] += in[i * cols + j];
  }
}

void sum_rows(const float* in, float* out, const Shape& shape) {
  std::fill_n(out, shape.cols, 0.0f);
  std::int64_t i = 0;
  for (; i + kRows <= shape.rows; i += kRows) add_rows(in + i * shape.cols, shape.cols, kRows, out);
  if (i < shape.rows) add_rows(in + i * shape.cols, shape.cols, shape.rows - i, out);
}

AISP_TARGET_END
#else
void sum_rows(const float*, float*, const Shape&) {}
#endif

}  // namespace

bench::Technique row_order_avx512() {
  return {.name = "row_order_avx512",
          .summary = "eight rows at a time onto the sums, 64-byte vectors",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx512 ? "" : "needs AVX-512"; },
          .plan =
              [](const bench::Params& params) {
                return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
                  sum_rows(io.in<float>(0).data(), io.out<float>(0).data(), shape);
                });
              }};
}

}  // namespace aisp::labs::ch06::bank_conflicts
