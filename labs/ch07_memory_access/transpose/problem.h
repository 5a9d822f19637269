// Transpose of a row-major f32 matrix: in[rows][cols] -> out[cols][rows]. What the techniques
// share: sizes, the description of one call, and the kernels that more than one technique runs.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch07::transpose {

struct Shape {
  std::int64_t rows = 0;  // of the input
  std::int64_t cols = 0;
};

inline Shape shape_of(const bench::Params& params) { return {params["rows"], params["cols"]}; }

/// One call: out[j * rows + i] = in[i * cols + j] for j in [first_col, last_col).
struct Call {
  const float* in = nullptr;
  float* out = nullptr;
  Shape shape;
  std::int64_t first_col = 0;
  std::int64_t last_col = 0;  // exclusive
};

inline Call call_of(const bench::Io& io, const Shape& shape) {
  return {io.in<float>(0).data(), io.out<float>(0).data(), shape, 0, shape.cols};
}

/// Plain loops over [first_row, last_row) x [first_col, last_col): the edges of the SIMD kernels.
inline void transpose_edge(const Call& call, std::int64_t first_row, std::int64_t last_row,
                           std::int64_t first_col, std::int64_t last_col) {
  for (std::int64_t j = first_col; j < last_col; ++j) {
    for (std::int64_t i = first_row; i < last_row; ++i) {
      call.out[j * call.shape.rows + i] = call.in[i * call.shape.cols + j];
    }
  }
}

/// How the output is written.
enum class Store {
  kCached,     // through the caches: each line is read before it is overwritten
  kStreaming,  // non-temporal: whole lines go straight to memory
};

/// Streaming needs whole lines, so an output leading dimension that is a multiple of 16 floats. It
/// pays when the output would not stay in a cache anyway: on a Zen 4 core with 1 MiB of L2, cached
/// stores won at 2 MiB of input and output (68 against 54 GB/s) and lost at 8 MiB.
Store choose_store(const Shape& shape, const machine::Cpu& cpu);

/// Kernels, one per instruction set; the caller has asked machine::cpu(). Any shape, any alignment
/// of `in`; `out` is 64-byte aligned. Cost: each line of input and output is touched once.
void transpose_avx2(const Call& call, Store store);
void transpose_avx512(const Call& call, Store store);

bench::Technique row_walk();
bench::Technique blocked();
bench::Technique tile();
bench::Technique padded_tile();
bench::Technique registers_avx2();
bench::Technique staged_stream_avx2();
bench::Technique registers_avx512();
bench::Technique stream_avx512();
bench::Technique stream_threads();

}  // namespace aisp::labs::ch07::transpose
