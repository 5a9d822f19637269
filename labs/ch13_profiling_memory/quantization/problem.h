// y[T,N] = x[T,C] W[C,N], a linear layer of a transformer's MLP, in f32 or with 8-bit integers.
// Params: T, C, N. Inputs: x; W in f32; the same weights quantised when the model was converted
// (8 bits, one scale for each output channel). Output: y in f32. A technique may read either form
// of W; activations come in f32 only. Shared here: quantised activations and the peers.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"
#include "machine/peer_blas.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch13::quantization {

enum Input : std::size_t { kX, kW, kQuantizedW, kScales };
enum Output : std::size_t { kY };

/// Room for quantised activations: T x C numbers, T scales.
struct Activations {
  std::vector<std::int8_t> q;
  std::vector<float> scales;
  explicit Activations(const bench::Params& params);
  /// Quantises x row by row, on `pool` if there is one.
  void quantize(const bench::Params& params, const float* x, machine::ThreadPool* pool);
};

/// y[t][n] = float(sum) * rows[t] * columns[n], in a pass of its own.
void scale_sums(const bench::Params& params, const std::int32_t* sums, const float* rows,
                const float* columns, float* y);

bench::Technique f32_gemm();
bench::Technique f32_gemm_threads();
bench::Technique int8_three_passes();
bench::Technique int8_scaled_tiles();
bench::Technique int8_scaled_tiles_threads();
bench::Technique int8_weights_too();
bench::Technique onednn_f32();
bench::Technique onednn_f32_threads();
bench::Technique onednn_int8();
bench::Technique onednn_int8_threads();

/// Shared by the files above; threads = 1, or 0 for every core.
bench::Technique f32(const char* name, int threads);
bench::Technique scaled_tiles(const char* name, int threads);
bench::Technique peer_f32(const char* name, int threads);
bench::Technique peer_int8(const char* name, int threads);

}  // namespace aisp::labs::ch13::quantization
