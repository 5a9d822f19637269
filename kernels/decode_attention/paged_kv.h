// A KV cache in blocks of equal size with a block table: memory is taken one block at a time from a
// pool that several sequences share, nothing is ever moved, and freed blocks are used again.
// Source: Kwon et al., "PagedAttention", SOSP 2023; vLLM's default of 16 tokens a block.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/check.h"
#include "kernels/decode_attention/decode_attention.h"

namespace aisp::kernels::decode_attention {

/// Tokens of a block: a run long enough that its start costs nothing (16 tokens of 4 heads of 64
/// are 16 KiB of K), short enough that a sequence wastes 8 tokens on average.
constexpr std::int64_t kBlockTokens = 16;

/// The memory of all sequences. K and V of a block lie side by side.
class BlockPool {
 public:
  /// `width`: floats of one token's K (kv_heads x head_size). Allocates everything.
  BlockPool(std::int64_t blocks, std::int64_t width)
      : width_(width), memory_(static_cast<std::size_t>(2 * blocks * kBlockTokens * width)) {
    for (std::int64_t i = blocks; i-- > 0;) free_.push_back(i);
  }
  std::int64_t width() const { return width_; }
  std::int64_t free_blocks() const { return static_cast<std::int64_t>(free_.size()); }
  float* k(std::int64_t block) {
    return memory_.data() + static_cast<std::size_t>(2 * block * kBlockTokens * width_);
  }
  float* v(std::int64_t block) { return k(block) + kBlockTokens * width_; }
  std::int64_t take() {
    check(!free_.empty(), "paged KV cache: no block left");
    const std::int64_t block = free_.back();
    free_.pop_back();
    return block;
  }
  void give_back(std::int64_t block) { free_.push_back(block); }

 private:
  std::int64_t width_;
  std::vector<float> memory_;
  std::vector<std::int64_t> free_;
};

/// One sequence: its block table. Gives its blocks back when it ends.
class PagedSequence {
 public:
  explicit PagedSequence(BlockPool& pool) : pool_(pool) {}
  ~PagedSequence() { clear(); }
  PagedSequence(const PagedSequence&) = delete;
  PagedSequence& operator=(const PagedSequence&) = delete;

  /// Appends `tokens` rows of K and V, each `width` floats.
  void append(const float* k, const float* v, std::int64_t tokens) {
    const std::int64_t width = pool_.width();
    while (tokens > 0) {
      const std::int64_t used = tokens_ % kBlockTokens;
      if (used == 0) table_.push_back(pool_.take());
      const std::int64_t count = std::min(tokens, kBlockTokens - used);
      const auto bytes = static_cast<std::size_t>(count * width) * sizeof(float);
      std::memcpy(pool_.k(table_.back()) + used * width, k, bytes);
      std::memcpy(pool_.v(table_.back()) + used * width, v, bytes);
      k += count * width;
      v += count * width;
      tokens -= count;
      tokens_ += count;
    }
  }
  /// The cache as runs for attend(); valid until the next change.
  std::span<const Run> runs() {
    runs_.clear();
    for (std::size_t i = 0; i < table_.size(); ++i) {
      const std::int64_t before = static_cast<std::int64_t>(i) * kBlockTokens;
      runs_.push_back(
          {pool_.k(table_[i]), pool_.v(table_[i]), std::min(kBlockTokens, tokens_ - before)});
    }
    return runs_;
  }
  std::int64_t tokens() const { return tokens_; }
  void clear() {
    for (const std::int64_t block : table_) pool_.give_back(block);
    table_.clear();
    tokens_ = 0;
  }

 private:
  BlockPool& pool_;
  std::vector<std::int64_t> table_;  // block of each kBlockTokens tokens
  std::vector<Run> runs_;
  std::int64_t tokens_ = 0;
};

}  // namespace aisp::kernels::decode_attention
