// See kv_cache.h.
#include "model/kv_cache.h"

#include <string>

#include "base/check.h"
#include "base/error.h"

namespace aisp::model {

namespace paged = kernels::paged_attention;

std::int64_t KvCache::block_bytes(const ModelConfig& config, KvType type) {
  if (!paged::supports_head_size(config.head_size)) {
    throw Error("heads of " + std::to_string(config.head_size) + " elements are not computed here",
                config.architecture,
                "multiples of 16 up to " + std::to_string(paged::kLargestHead) + " are");
  }
  return config.layers * paged::block_bytes(type, config.kv_heads, config.head_size);
}

KvCache::KvCache(const ModelConfig& config, KvType type, std::int32_t blocks)
    : type_(type),
      layers_(config.layers),
      kv_heads_(config.kv_heads),
      head_size_(config.head_size),
      blocks_(blocks),
      layer_bytes_(block_bytes(config, type) / layers_),
      memory_(static_cast<std::size_t>(blocks * layers_ * layer_bytes_)) {
  check(blocks > 0, "a cache has blocks");
}

paged::Cache KvCache::layer(std::int64_t index) const {
  return {.type = type_,
          .kv_heads = kv_heads_,
          .head_size = head_size_,
          .data = memory_.data() + index * layer_bytes_,
          .stride = layers_ * layer_bytes_};
}

std::span<std::byte> KvCache::block(std::int32_t id) const {
  check(id >= 0 && id < blocks_, "a block of this cache");
  const std::int64_t bytes = layers_ * layer_bytes_;
  return {memory_.data() + id * bytes, static_cast<std::size_t>(bytes)};
}

}  // namespace aisp::model
