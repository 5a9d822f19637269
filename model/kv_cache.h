// The memory of keys and values, in blocks of kBlockTokens tokens of all layers. Who uses which
// block is known elsewhere (serve/block_pool.h); here a block is a number. All layers of a block
// lie together, so that copying or moving one is a single stretch of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/paged_attention/paged_attention.h"
#include "machine/crew.h"
#include "model/config.h"

namespace aisp::model {

inline constexpr std::int64_t kBlockTokens = kernels::paged_attention::kBlockTokens;
using KvType = kernels::paged_attention::Type;

class KvCache {
 public:
  /// Reserves address space; pages become real when they are written. Throws Error when refused.
  KvCache(const ModelConfig& config, KvType type, std::int32_t blocks);

  /// Bytes of a block: layers x kv heads x head size x kBlockTokens, K and V. Throws Error for a
  /// head size that the kernels do not compute.
  static std::int64_t block_bytes(const ModelConfig& config, KvType type);

  std::int32_t blocks() const { return blocks_; }
  KvType type() const { return type_; }
  /// The blocks of one layer, as the kernels take them.
  kernels::paged_attention::Cache layer(std::int64_t index) const;
  /// All bytes of a block: for copy-on-write, and for moving it elsewhere.
  std::span<std::byte> block(std::int32_t id) const;

 private:
  KvType type_;
  std::int64_t layers_, kv_heads_, head_size_;
  std::int32_t blocks_;
  std::int64_t layer_bytes_;
  machine::PageBuffer memory_;
};

}  // namespace aisp::model
