// Symmetric quantisation of rows to 8 bits: what turns the activations of a layer into the left
// operand of gemm_int8, one scale for each token ("dynamic, per token"). One plain loop, compiled
// once for each instruction set (quantize.inc); the compiler makes the vectors.
// Source: Dettmers et al., "LLM.int8()", arXiv:2208.07339 (2022), vector-wise quantisation.
#pragma once

#include <cstdint>

namespace aisp::kernels::gemm_int8 {

/// x is rows x k, tight, finite; q likewise. scales[i] = max_j |x[i][j]| / 127 and q = round(x /
/// scale), ties to even: |x - q scale| <= (0.5 + 2^-15) scale. A row of zeros has scale 0 and q =
/// 0. The same bits on every instruction set. Reads x twice (the second time from cache).
void quantize_rows(std::int64_t rows, std::int64_t k, const float* x, std::int8_t* q,
                   float* scales);

}  // namespace aisp::kernels::gemm_int8
