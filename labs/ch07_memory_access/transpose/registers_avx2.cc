// 8 x 8 blocks turned in AVX2 registers. Two input blocks below each other give whole 64-byte
// output lines, written through the caches.
#include "base/simd_target.h"
#include "labs/ch07_memory_access/transpose/avx2_block.h"
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {
namespace {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2

// Panels of 64 rows: each output row receives 256 bytes in a run before the next panel.
constexpr std::int64_t kPanel = 64;

void registers(const Call& call) {
  const auto [rows, cols] = call.shape;
  const std::int64_t whole_rows = rows / 8 * 8;
  const std::int64_t whole_cols = cols / 8 * 8;
  for (std::int64_t i0 = 0; i0 < whole_rows; i0 += kPanel) {
    const std::int64_t end = i0 + kPanel < whole_rows ? i0 + kPanel : whole_rows;
    for (std::int64_t j = 0; j < whole_cols; j += 8) {
      for (std::int64_t i = i0; i < end; i += 8) {
        __m256 column[8];
        avx2::load_turned(call.in + i * cols + j, cols, column);
        for (int k = 0; k < 8; ++k) {
          _mm256_storeu_ps(call.out + (j + k) * rows + i, column[k]);
        }
      }
    }
  }
  transpose_edge(call, whole_rows, rows, 0, whole_cols);
  transpose_edge(call, 0, rows, whole_cols, cols);
}

AISP_TARGET_END
#else
void registers(const Call&) {}
#endif

}  // namespace

bench::Technique registers_avx2() {
  return {.name = "registers_avx2",
          .summary = "8 x 8 blocks turned in registers, cached stores",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx2 ? "" : "needs AVX2"; },
          .plan =
              [](const bench::Params& params) {
                return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
                  registers(call_of(io, shape));
                });
              }};
}

}  // namespace aisp::labs::ch07::transpose
