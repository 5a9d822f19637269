// The memory of keys and values: sizes, the layers of a block, and heads that are not computed.
#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "model/shapes.h"

namespace aisp::model {
namespace {

TEST(KvCache, ABlockIsItsLayersSideBySide) {
  const ModelConfig config = *tiny_shape("llama");
  const KvCache cache(config, KvType::kF16, 3);
  const std::int64_t bytes = KvCache::block_bytes(config, KvType::kF16);
  EXPECT_EQ(bytes, 2 * 2 * 64 * kBlockTokens * 2 * 2);  // layers, heads, size, K and V, 16 bits
  EXPECT_EQ(static_cast<std::int64_t>(cache.block(2).size()), bytes);
  EXPECT_EQ(cache.block(1).data() - cache.block(0).data(), bytes);
  EXPECT_EQ(cache.layer(1).data - cache.layer(0).data, bytes / 2);
  EXPECT_EQ(cache.layer(0).stride, bytes);
}

TEST(KvCache, RefusesHeadsThatAreNotComputed) {
  ModelConfig config = *tiny_shape("llama");
  for (const std::int64_t size : {8, 24, 65, 2048}) {
    config.head_size = size;
    try {
      KvCache(config, KvType::kBF16, 1);
      ADD_FAILURE() << size;
    } catch (const Error& problem) {
      EXPECT_NE(std::string(problem.what()).find("are not computed here"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace aisp::model
