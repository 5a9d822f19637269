// 16 x 16 blocks turned in AVX-512 registers. A block is 16 whole lines in and 16 whole lines out,
// so a power-of-two stride has nothing to evict. The loop is pipelined by hand: while the lines of
// one block are stored, those of the next take their registers, load after store. Non-temporal
// stores drain at the speed of memory; 16 of them in a run fill the store queue, and the loads
// behind them wait. Mixed one to one, a Zen 4 core went from 0.80 to 0.92 of its non-temporal copy
// (5632 x 2048 in DRAM).
// Source: Intel optimization manual, non-temporal stores and write combining; M. Lam, "Software
// Pipelining", PLDI 1988.
#include "kernels/transpose/blocks.h"
#include "kernels/transpose/simd.h"

#if AISP_X86
AISP_TARGET_BEGIN_AVX512

namespace aisp::kernels::transpose {
namespace avx512 {
namespace {

// A panel of 64 rows: four lines in a run per output row, 64 input streams of which each 16 are
// in use at a time. 64 and 128 measured alike, 32 lost a tenth.
constexpr std::int64_t kPanel = 64;
// The input is asked for four lines ahead in every row, 16 blocks of work: 43 GB/s against 31
// without, from DRAM; 32 to 128 floats measured within 4 %; a matrix in L2 loses 6 %. Into L2: L1
// is the wrong place, since at a stride of 4 KiB its 8 ways cannot hold the lines.
constexpr std::int64_t kAhead = 64;

/// line[k] on entry: row k of a 16 x 16 block; on return: column k. 64 shuffles in four steps:
/// pairs, quads, then 128-bit lanes twice. Loading 4 x 128 bits per register and halving the
/// shuffles was 1 to 8 % slower on Zen 4, where four times the loads then bound it.
__attribute__((always_inline)) inline void turn(__m512* line) {
  __m512 t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_ps(line[2 * i], line[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(line[2 * i], line[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {  // line[i + c]: columns c, 4+c, 8+c, 12+c of rows i .. i+3
    const __m512d low01 = _mm512_castps_pd(t[i]), low23 = _mm512_castps_pd(t[i + 2]);
    const __m512d high01 = _mm512_castps_pd(t[i + 1]), high23 = _mm512_castps_pd(t[i + 3]);
    line[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(low01, low23));
    line[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low01, low23));
    line[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(high01, high23));
    line[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(high01, high23));
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    t[c] = _mm512_shuffle_f32x4(line[c], line[c + 4], 0x88);           // columns c, 8+c; rows 0-7
    t[c + 4] = _mm512_shuffle_f32x4(line[c], line[c + 4], 0xdd);       // columns 4+c, 12+c
    t[c + 8] = _mm512_shuffle_f32x4(line[c + 8], line[c + 12], 0x88);  // the same, rows 8-15
    t[c + 12] = _mm512_shuffle_f32x4(line[c + 8], line[c + 12], 0xdd);
  }
#pragma GCC unroll 8
  for (int c = 0; c < 8; ++c) {
    line[c] = _mm512_shuffle_f32x4(t[c], t[c + 8], 0x88);
    line[c + 8] = _mm512_shuffle_f32x4(t[c], t[c + 8], 0xdd);
  }
}

template <Store store>
void turn_whole(const Request& request, std::int64_t whole_rows, std::int64_t whole_cols) {
  const auto [in_stride, out_stride] = request.strides;
  __m512 line[16];
#pragma GCC unroll 16
  for (int k = 0; k < 16; ++k) line[k] = _mm512_loadu_ps(request.in + k * in_stride);
  for (std::int64_t i0 = 0; i0 < whole_rows; i0 += kPanel) {
    const std::int64_t end = i0 + kPanel < whole_rows ? i0 + kPanel : whole_rows;
    // Where the block after the panel's last one lies; after the very last, that one again.
    const float* after = request.in + (end < whole_rows ? end * in_stride
                                                        : (end - 16) * in_stride + whole_cols - 16);
    for (std::int64_t j = 0; j < whole_cols; j += 16) {
      const float* column_after =
          j + 16 < whole_cols ? request.in + i0 * in_stride + j + 16 : after;
      // The end of a panel looks ahead into the start of the next one.
      const std::int64_t wrap = j + kAhead < whole_cols ? 0 : kPanel * in_stride - whole_cols;
      for (std::int64_t i = i0; i < end; i += 16) {
        const float* from = request.in + i * in_stride + j;
        const float* next = i + 16 < end ? from + 16 * in_stride : column_after;
        float* to = request.out + j * out_stride + i;
        turn(line);
#pragma GCC unroll 16
        for (int k = 0; k < 16; ++k) {
          if constexpr (store == Store::kStreaming) {
            _mm512_stream_ps(to + k * out_stride, line[k]);
          } else {
            _mm512_storeu_ps(to + k * out_stride, line[k]);
          }
          line[k] = _mm512_loadu_ps(next + k * in_stride);
          __builtin_prefetch(from + k * in_stride + kAhead + wrap, 0, 2);
          asm volatile("" ::: "memory");  // keeps the order, which is the point
        }
      }
    }
    // While the end of each row is still at hand.
    turn_blocks(request, {i0, end, whole_cols, request.shape.cols});
  }
  if constexpr (store == Store::kStreaming) _mm_sfence();
}

}  // namespace
}  // namespace avx512

void run_avx512(const Request& request, const Config& config) {
  const std::int64_t whole_rows = request.shape.rows / 16 * 16;
  const std::int64_t whole_cols = request.shape.cols / 16 * 16;
  if (whole_rows != 0 && whole_cols != 0) {
    const bool stream = config.store == Store::kStreaming && rows_start_on_lines(request);
    const auto turn_whole =
        stream ? avx512::turn_whole<Store::kStreaming> : avx512::turn_whole<Store::kCached>;
    turn_whole(request, whole_rows, whole_cols);
    turn_blocks(request, {whole_rows, request.shape.rows, 0, request.shape.cols});
  } else {
    turn_blocks(request, {0, request.shape.rows, 0, request.shape.cols});
  }
}

}  // namespace aisp::kernels::transpose

AISP_TARGET_END
#endif
