// Attention where each row sees one run of tokens (causal, a window, a prefix, documents packed
// side by side), from library calls: the whole matrix with a mask, or blocks of rows over those
// tokens only that one of them sees. Source: PyTorch's FlexAttention (2024) for skipping what a
// mask hides wholly; "attention slicing" of Hugging Face diffusers for blocks of rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/eager_attention/eager_attention.h"

namespace aisp::kernels::eager_attention {

/// Tokens begin .. end - 1, at least one.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// Made ready for these rows: masks and scratch. As EagerAttention otherwise.
class RangedAttention {
 public:
  /// Row i sees ranges[i] of `tokens`. `together`: rows of a block, each over the union of its
  /// rows' ranges; 0: all rows over all tokens, one matrix.
  RangedAttention(const Heads& heads, std::span<const Range> ranges, std::int64_t tokens,
                  std::int64_t together);
  /// q and out: rows x heads x head_size; k and v: tokens x kv_heads x head_size.
  void run(const float* q, const float* k, const float* v, float* out);

 private:
  struct Block {
    std::int64_t first_row, first_token;
    std::vector<float> mask;
    EagerAttention attention;
  };
  Heads heads_;
  std::vector<Block> blocks_;
};

/// All rows by reference_row in f32's bound: rows x heads x head_size.
void reference_ranges(const Heads& heads, std::span<const Range> ranges, const float* q,
                      const float* k, const float* v, std::span<double> value,
                      std::span<double> bound);

/// Pairs of a row and a token that it sees.
std::int64_t visible_pairs(std::span<const Range> ranges);

}  // namespace aisp::kernels::eager_attention
