// AVX2 with staging: 16 columns (one input line wide) of 64 rows are turned in registers into a
// padded scratch of 4.6 KB, then copied out as whole lines, 256 bytes per output row, with
// non-temporal stores. Every input line is used whole at once, so it does not matter that a
// power-of-two leading dimension puts all of them into one set of L1.
#include "base/simd_target.h"
#include "labs/ch07_memory_access/transpose/avx2_block.h"
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2

namespace avx2 {

constexpr std::int64_t kStrip = 16;  // columns: one line of input
constexpr std::int64_t kPanel = 64;  // rows: four lines of output
// 8 floats of padding: scratch rows stay 32-byte aligned and 16 of them never share a set.
constexpr std::int64_t kLeading = kPanel + 8;
// The lines that the strip four further on needs are fetched into L2 meanwhile. L1 would be the
// wrong place: at a stride of 4 KiB its 8 ways cannot hold them.
constexpr std::int64_t kAhead = 4 * kStrip;

void turn_panel_strip(const Call& call, std::int64_t i0, std::int64_t j, std::int64_t prefetch,
                      float* scratch) {
  const std::int64_t cols = call.shape.cols;
  for (std::int64_t i = 0; i < kPanel; i += 8) {
    const float* from = call.in + (i0 + i) * cols + j;
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
      _mm_prefetch(reinterpret_cast<const char*>(from + k * cols + prefetch), _MM_HINT_T1);
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      __m256 column[8];
      load_turned(from + 8 * half, cols, column);
#pragma GCC unroll 8
      for (int k = 0; k < 8; ++k) {
        _mm256_store_ps(scratch + (8 * half + k) * kLeading + i, column[k]);
      }
    }
  }
}

template <Store store>
void copy_out(const float* scratch, float* out, std::int64_t rows) {
  for (std::int64_t k = 0; k < kStrip; ++k) {
#pragma GCC unroll 8
    for (std::int64_t i = 0; i < kPanel; i += 8) {
      const __m256 part = _mm256_load_ps(scratch + k * kLeading + i);
      if constexpr (store == Store::kStreaming) {
        _mm256_stream_ps(out + k * rows + i, part);
      } else {
        _mm256_storeu_ps(out + k * rows + i, part);
      }
    }
  }
}

template <Store store>
void transpose_panels(const Call& call) {
  alignas(64) float scratch[kStrip * kLeading];
  const auto [rows, cols] = call.shape;
  const std::int64_t width = (call.last_col - call.first_col) / kStrip * kStrip;
  const std::int64_t whole_cols = call.first_col + width;
  const std::int64_t whole_rows = rows / kPanel * kPanel;
  for (std::int64_t i = 0; i < whole_rows; i += kPanel) {
    for (std::int64_t j = call.first_col; j < whole_cols; j += kStrip) {
      // The end of a panel looks ahead into the start of the next one.
      const std::int64_t wrap = j + kAhead < whole_cols ? 0 : kPanel * cols - width;
      turn_panel_strip(call, i, j, kAhead + wrap, scratch);
      copy_out<store>(scratch, call.out + j * rows + i, rows);
    }
  }
  for (std::int64_t i = whole_rows; i < rows; i += kPanel) {
    const std::int64_t end = i + kPanel < rows ? i + kPanel : rows;
    transpose_edge(call, i, end, call.first_col, whole_cols);
  }
  transpose_edge(call, 0, rows, whole_cols, call.last_col);
  if constexpr (store == Store::kStreaming) _mm_sfence();
}

}  // namespace avx2

AISP_TARGET_END

void transpose_avx2(const Call& call, Store store) {
  if (store == Store::kStreaming) {
    avx2::transpose_panels<Store::kStreaming>(call);
  } else {
    avx2::transpose_panels<Store::kCached>(call);
  }
}
#else
void transpose_avx2(const Call&, Store) {}
#endif

bench::Technique staged_stream_avx2() {
  return {.name = "staged_stream_avx2",
          .summary = "registers into a padded scratch, whole lines out past the caches",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx2 ? "" : "needs AVX2"; },
          .plan =
              [](const bench::Params& params) {
                const Shape shape = shape_of(params);
                const Store store = choose_store(shape, machine::cpu());
                return bench::plan_of([shape, store](const bench::Io& io) {
                  transpose_avx2(call_of(io, shape), store);
                });
              }};
}

}  // namespace aisp::labs::ch07::transpose
