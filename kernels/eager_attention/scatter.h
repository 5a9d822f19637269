// Sequences of K and V laid out in blocks of kernels/paged_attention, as a server's memory has them
// after hours: no two neighbouring blocks of a sequence lie side by side. For labs and tests whose
// input is such a cache.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/paged_attention/paged_attention.h"

namespace aisp::kernels::eager_attention {

/// Sequences with room for `longest` tokens each.
struct Scattered {
  std::int64_t sequences = 1;
  std::int64_t longest = 0;
  std::int64_t table() const {  // blocks of a sequence
    return (longest + paged_attention::kBlockTokens - 1) / paged_attention::kBlockTokens;
  }
  std::int64_t blocks() const { return sequences * table(); }
};

/// A view of blocks that lie in memory somebody else owns and this code only reads.
paged_attention::Cache cache_over(paged_attention::Type type, std::int64_t kv_heads,
                                  std::int64_t head_size, const void* data);

/// Deals the blocks out at random: `tables` is sequences x table().
void deal_blocks(const Scattered& shape, std::uint64_t seed, std::span<std::int32_t> tables);

/// The first contexts[s] tokens of each sequence, as rows to append: K and V of sequence s begin at
/// row s * longest. Views of `tables`.
void whole_sequences(const Scattered& shape, std::span<const std::int32_t> tables,
                     std::span<const std::int32_t> contexts,
                     std::vector<paged_attention::Sequence>& to);

/// Zeroes so many blocks and appends the rows (kv width f32 each).
void fill_blocks(const paged_attention::Cache& cache, std::int64_t blocks,
                 std::span<const paged_attention::Sequence> rows, const float* k, const float* v);

/// The last token of each sequence as its one query row: what a decoding step attends.
void decoding_rows(const Scattered& shape, std::span<const std::int32_t> tables,
                   std::span<const std::int32_t> contexts,
                   std::vector<paged_attention::Sequence>& to);

}  // namespace aisp::kernels::eager_attention
