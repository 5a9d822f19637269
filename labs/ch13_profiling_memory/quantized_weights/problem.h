// y[T,N] = x[T,K] W[N,K]^T, a linear layer whose weights are stored in four types but are the same
// numbers in all of them: each is q d with q in [-8, 7] and a scale d of 4 significant bits for 32
// weights, which Q4_0, Q8_0, bf16 and f32 hold exactly. So every technique computes the same layer.
// Params: T, K (a multiple of 32), N. Inputs: x f32; blocks (u8), W in Q4_0 as a model file has it;
// W packed for kernels/linear as f32, bf16, Q8_0 and Q4_0 (both u8). Output: y f32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bench/lab.h"
#include "kernels/linear/linear.h"

namespace aisp::labs::ch13::quantized_weights {

enum Input : std::size_t { kX, kBlocks, kF32, kBF16, kQ8_0, kQ4_0 };
enum Output : std::size_t { kY };

/// The type that a packed input is of, and its bytes.
kernels::linear::Type type_of(Input packed);
std::span<const std::byte> packed_in(const bench::Io& io, Input packed);

/// `count` blocks of Q4_0 (18 bytes: f16 scale, 16 bytes of nibbles, the low ones first) to floats.
void dequantize(const std::uint8_t* blocks, std::int64_t count, float* to);

/// The layer by kernels/linear with the weights of one input; threads 1, or 0 for every core.
bench::Technique with_weights(const char* name, const char* summary, Input packed, int threads);

bench::Technique f32_weights();
bench::Technique f32_weights_threads();
bench::Technique bf16_weights();
bench::Technique int8_weights();
bench::Technique int4_weights();
bench::Technique int4_weights_threads();
bench::Technique dequantize_each_call();

}  // namespace aisp::labs::ch13::quantized_weights
