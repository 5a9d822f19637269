// Attention of one decode step: each query head reads every cached token of its KV head. The cache
// is a list of runs of tokens, so that one kernel serves a contiguous cache and one in blocks.
// Reading order: this contract, simd.inc.
// Source: Kwon et al., "Efficient Memory Management for LLM Serving with PagedAttention", SOSP
// 2023; Ainslie et al., "GQA", arXiv:2305.13245 (2023).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace aisp::kernels::decode_attention {

struct Shape {
  std::int64_t heads = 0;     // of queries; a multiple of kv_heads
  std::int64_t kv_heads = 0;  // each serves heads / kv_heads query heads
  std::int64_t head_size = 0;
};

/// Consecutive tokens: k and v are tokens x kv_heads x head_size, tight.
struct Run {
  const float* k = nullptr;
  const float* v = nullptr;
  std::int64_t tokens = 0;
};

/// Floats of scratch that attend() needs for this many tokens.
std::size_t scratch_floats(const Shape& shape, std::int64_t tokens);

/// out[h] = sum_j softmax_j(q[h] . k[j][g] / sqrt(head_size)) v[j][g], g = h * kv_heads / heads,
/// over the tokens of all runs in order; q and out are heads x head_size. At least one token. Does
/// not allocate. Sums in f32, see the lab's bound for the error. 4 heads head_size tokens flops;
/// each K and V read once from memory, once more for each further head of the group from L1 or L2.
void attend(const Shape& shape, std::span<const Run> runs, const float* q, float* scratch,
            float* out);

}  // namespace aisp::kernels::decode_attention
