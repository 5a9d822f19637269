// Blocks of the key-value cache as numbers: who uses which, and which are free. It knows nothing of
// bytes or of tokens, so the same class keeps the device's blocks and the host's. Everything is
// allocated at construction; take, share and drop are a few instructions.
// Source: vLLM, "Efficient Memory Management for Large Language Model Serving with PagedAttention"
// (2023): blocks, reference counts, copy-on-write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace aisp::serve {

using BlockId = std::int32_t;
inline constexpr BlockId kNoBlock = -1;

class BlockPool {
 public:
  explicit BlockPool(int blocks) : users_(static_cast<std::size_t>(blocks), 0) {
    check(blocks >= 0, "a pool has no negative size");
    free_.reserve(users_.size());
    for (BlockId id = blocks - 1; id >= 0; --id) free_.push_back(id);
  }

  int total() const { return static_cast<int>(users_.size()); }
  int free() const { return static_cast<int>(free_.size()); }
  int users(BlockId id) const { return users_[static_cast<std::size_t>(id)]; }

  /// A block with one user, or kNoBlock. The one freed last comes first: it may still be in a
  /// cache.
  BlockId take() {
    if (free_.empty()) return kNoBlock;
    const BlockId id = free_.back();
    free_.pop_back();
    users_[static_cast<std::size_t>(id)] = 1;
    return id;
  }

  void share(BlockId id) {
    check(users(id) > 0, "only a used block can be shared");
    ++users_[static_cast<std::size_t>(id)];
  }

  /// One user less; true when the block is free now.
  bool drop(BlockId id) {
    check(users(id) > 0, "only a used block can be dropped");
    if (--users_[static_cast<std::size_t>(id)] > 0) return false;
    free_.push_back(id);
    return true;
  }

  /// Copy-on-write: the block that one of its users may write into. Itself when it has no other
  /// user; else a block of its own, and the caller copies the content (`id` loses that user).
  /// kNoBlock, and nothing changed, when a copy is needed and no block is free.
  BlockId writable(BlockId id) {
    check(users(id) > 0, "only a used block can be written");
    if (users(id) == 1) return id;
    const BlockId own = take();
    if (own != kNoBlock) drop(id);
    return own;
  }

 private:
  std::vector<std::int32_t> users_;
  std::vector<BlockId> free_;
};

}  // namespace aisp::serve
