// One query row of attention in double over the tokens that it sees, whatever structure made that
// list, and the error that a right computation may have: what labs about caches and masks are
// judged by. Independent of every kernel; slow and plain on purpose.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/eager_attention/eager_attention.h"

namespace aisp::kernels::eager_attention {

/// K and V of a sequence: KV head g of token t at t * kv_width + g * head_size.
struct Tokens {
  const float* k = nullptr;
  const float* v = nullptr;
};

/// What may be rounded to 8 bits, beside the roundings of f32. Cached: K and V, with a scale for
/// each head of each token (largest magnitude / 127). Inside: the query, likewise, and the weights
/// of the softmax times the scale of V, relative to the largest among 32 tokens.
enum class Bytes { kNone, kInside, kInsideAndCached };

/// value[h][d] = sum_t softmax_t(q[h] . k[t] / sqrt(head_size)) v[t] over the tokens `seen`
/// (ascending), and bound[h][d], derived in reference.cc: an element is right within it. For 8 bits
/// it is six standard deviations of their rounding more. `value`, `bound`: heads x head_size.
/// Cost: 2 head_size exact products a head and token; with 8 bits head_size^2 more.
void reference_row(const Heads& heads, const Tokens& tokens, std::span<const std::int32_t> seen,
                   Bytes bytes, const float* q, double* value, double* bound);

/// The tokens begin .. end - 1.
std::vector<std::int32_t> tokens_between(std::int64_t begin, std::int64_t end);

}  // namespace aisp::kernels::eager_attention
