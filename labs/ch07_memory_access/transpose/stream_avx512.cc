// 16 x 16 blocks turned in AVX-512 registers. A block is 16 whole lines in and 16 whole lines out,
// so a power-of-two leading dimension has nothing to evict, and non-temporal stores write each line
// once without reading it first. The input 64 columns ahead is prefetched into L2.
// Source: Intel optimization manual, non-temporal stores and write combining.
#include "base/simd_target.h"
#include "labs/ch07_memory_access/transpose/avx512_block.h"
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512

namespace avx512 {

// A panel of 64 rows: four lines in a run per output row, 64 input streams of which each 16 are
// in use at a time. 32 to 256 rows measured within 3 %.
constexpr std::int64_t kPanel = 64;
// Four lines ahead in every row, 16 blocks of work: 36 GB/s against 25 without, on matrices in
// DRAM. Prefetching into L1 instead loses, since at a stride of 4 KiB 8 ways cannot hold the lines.
constexpr std::int64_t kAhead = 64;

template <Store store>
inline void turn_block(const float* from, std::int64_t cols, std::int64_t prefetch, float* to,
                       std::int64_t rows) {
  __m512 line[16];
#pragma GCC unroll 16
  for (int k = 0; k < 16; ++k) {
    line[k] = _mm512_loadu_ps(from + k * cols);
    _mm_prefetch(reinterpret_cast<const char*>(from + k * cols + prefetch), _MM_HINT_T1);
  }
  turn(line);
#pragma GCC unroll 16
  for (int k = 0; k < 16; ++k) {
    if constexpr (store == Store::kStreaming) {
      _mm512_stream_ps(to + k * rows, line[k]);
    } else {
      _mm512_storeu_ps(to + k * rows, line[k]);
    }
  }
}

template <Store store>
void transpose_panels(const Call& call) {
  const auto [rows, cols] = call.shape;
  const std::int64_t width = (call.last_col - call.first_col) / 16 * 16;
  const std::int64_t whole_cols = call.first_col + width;
  const std::int64_t whole_rows = rows / 16 * 16;
  for (std::int64_t i0 = 0; i0 < whole_rows; i0 += kPanel) {
    const std::int64_t end = i0 + kPanel < whole_rows ? i0 + kPanel : whole_rows;
    for (std::int64_t j = call.first_col; j < whole_cols; j += 16) {
      // The end of a panel looks ahead into the start of the next one.
      const std::int64_t wrap = j + kAhead < whole_cols ? 0 : kPanel * cols - width;
      for (std::int64_t i = i0; i < end; i += 16) {
        turn_block<store>(call.in + i * cols + j, cols, kAhead + wrap, call.out + j * rows + i,
                          rows);
      }
    }
  }
  transpose_edge(call, whole_rows, rows, call.first_col, whole_cols);
  transpose_edge(call, 0, rows, whole_cols, call.last_col);
  if constexpr (store == Store::kStreaming) _mm_sfence();
}

}  // namespace avx512

AISP_TARGET_END

void transpose_avx512(const Call& call, Store store) {
  if (store == Store::kStreaming) {
    avx512::transpose_panels<Store::kStreaming>(call);
  } else {
    avx512::transpose_panels<Store::kCached>(call);
  }
}
#else
void transpose_avx512(const Call&, Store) {}
#endif

bench::Technique stream_avx512() {
  return {.name = "stream_avx512",
          .summary = "16 x 16 blocks in registers, whole lines out past the caches, prefetch",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx512 ? "" : "needs AVX-512"; },
          .plan =
              [](const bench::Params& params) {
                const Shape shape = shape_of(params);
                const Store store = choose_store(shape, machine::cpu());
                return bench::plan_of([shape, store](const bench::Io& io) {
                  transpose_avx512(call_of(io, shape), store);
                });
              }};
}

}  // namespace aisp::labs::ch07::transpose
