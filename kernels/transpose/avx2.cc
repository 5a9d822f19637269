// AVX2 has too few registers for a block of whole lines. Strips of 16 columns (one input line wide)
// and 64 rows are turned in 8 x 8 blocks into a padded scratch of 4.6 KB, and the strip before is
// copied out of another one as whole lines, 256 bytes per output row. Both go on side by side,
// eight rows in for two rows out: non-temporal stores in a long run would make the loads wait (see
// avx512.cc). Every input line is used whole at once, so it does not matter that a power-of-two
// stride puts all of them into one set of L1.
// Source: Intel 64 and IA-32 Architectures Optimization Reference Manual, 8x8 transpose.
#include "kernels/transpose/blocks.h"
#include "kernels/transpose/simd.h"

#if AISP_X86
AISP_TARGET_BEGIN_AVX2

namespace aisp::kernels::transpose {
namespace avx2 {
namespace {

constexpr std::int64_t kStrip = 16;  // columns: one line of input
constexpr std::int64_t kPanel = 64;  // rows: four lines of output
// 8 floats of padding: scratch rows stay 32-byte aligned and 16 of them never share a set.
constexpr std::int64_t kLeading = kPanel + 8;
// The lines that the strip four further on needs are fetched into L2 meanwhile.
constexpr std::int64_t kAhead = 4 * kStrip;

/// column[k] = from[0..7][k], k in [0, 8). The lane crossing is done by the eight inserting loads,
/// which leaves 16 in-lane shuffles instead of 24 shuffles.
__attribute__((always_inline)) inline void load_turned(const float* from, std::int64_t stride,
                                                       __m256* column) {
  __m256 pair[8];  // pair[k]: rows k and k+4, columns 0-3; pair[k+4]: columns 4-7
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    const float* upper = from + k * stride;
    const float* lower = from + (k + 4) * stride;
    pair[k] =
        _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(upper)), _mm_loadu_ps(lower), 1);
    pair[k + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(upper + 4)),
                                       _mm_loadu_ps(lower + 4), 1);
  }
#pragma GCC unroll 2
  for (int half = 0; half < 8; half += 4) {
    const __m256 low01 = _mm256_unpacklo_ps(pair[half], pair[half + 1]);
    const __m256 high01 = _mm256_unpackhi_ps(pair[half], pair[half + 1]);
    const __m256 low23 = _mm256_unpacklo_ps(pair[half + 2], pair[half + 3]);
    const __m256 high23 = _mm256_unpackhi_ps(pair[half + 2], pair[half + 3]);
    column[half] = _mm256_shuffle_ps(low01, low23, 0x44);
    column[half + 1] = _mm256_shuffle_ps(low01, low23, 0xee);
    column[half + 2] = _mm256_shuffle_ps(high01, high23, 0x44);
    column[half + 3] = _mm256_shuffle_ps(high01, high23, 0xee);
  }
}

/// Eight rows of 16 columns from `from` into the scratch.
inline void turn_rows(const float* from, std::int64_t stride, std::int64_t ahead, float* scratch) {
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) {
    __builtin_prefetch(from + k * stride + ahead, 0, 2);
  }
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    __m256 column[8];
    load_turned(from + 8 * half, stride, column);
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) _mm256_store_ps(scratch + (8 * half + k) * kLeading, column[k]);
  }
}

/// One row of the scratch, 64 floats, into its output row.
template <Store store>
inline void copy_row(const float* scratch, float* out) {
#pragma GCC unroll 8
  for (std::int64_t i = 0; i < kPanel; i += 8) {
    const __m256 part = _mm256_load_ps(scratch + i);
    if constexpr (store == Store::kStreaming) {
      _mm256_stream_ps(out + i, part);
    } else {
      _mm256_storeu_ps(out + i, part);
    }
  }
}

template <Store store>
void turn_whole(const Request& request, std::int64_t whole_rows, std::int64_t whole_cols) {
  const auto [in_stride, out_stride] = request.strides;
  alignas(64) float scratch[2][kStrip * kLeading];
  int turned = 0;        // the scratch that is being filled
  float* out = nullptr;  // where the other one belongs; null before the first strip
  for (std::int64_t i = 0; i < whole_rows; i += kPanel) {
    for (std::int64_t j = 0; j < whole_cols; j += kStrip) {
      // The end of a panel looks ahead into the start of the next one.
      const std::int64_t wrap = j + kAhead < whole_cols ? 0 : kPanel * in_stride - whole_cols;
      const float* from = request.in + i * in_stride + j;
      const float* done = scratch[1 - turned];
      for (std::int64_t step = 0; step < 8; ++step) {
        turn_rows(from + 8 * step * in_stride, in_stride, kAhead + wrap,
                  scratch[turned] + 8 * step);
        if (out == nullptr) continue;
        copy_row<store>(done + 2 * step * kLeading, out + 2 * step * out_stride);
        copy_row<store>(done + (2 * step + 1) * kLeading, out + (2 * step + 1) * out_stride);
      }
      out = request.out + j * out_stride + i;
      turned = 1 - turned;
    }
    // While the end of each row is still at hand.
    turn_blocks(request, {i, i + kPanel, whole_cols, request.shape.cols});
  }
  for (std::int64_t k = 0; k < kStrip; ++k) {
    copy_row<store>(scratch[1 - turned] + k * kLeading, out + k * out_stride);
  }
  if constexpr (store == Store::kStreaming) _mm_sfence();
}

}  // namespace
}  // namespace avx2

void run_avx2(const Request& request, const Config& config) {
  const std::int64_t whole_rows = request.shape.rows / avx2::kPanel * avx2::kPanel;
  const std::int64_t whole_cols = request.shape.cols / avx2::kStrip * avx2::kStrip;
  if (whole_rows != 0 && whole_cols != 0) {
    const bool stream = config.store == Store::kStreaming && rows_start_on_lines(request);
    const auto turn_whole =
        stream ? avx2::turn_whole<Store::kStreaming> : avx2::turn_whole<Store::kCached>;
    turn_whole(request, whole_rows, whole_cols);
    turn_blocks(request, {whole_rows, request.shape.rows, 0, request.shape.cols});
  } else {
    turn_blocks(request, {0, request.shape.rows, 0, request.shape.cols});
  }
}

}  // namespace aisp::kernels::transpose

AISP_TARGET_END
#endif
