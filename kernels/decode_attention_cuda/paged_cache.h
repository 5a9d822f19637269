// The paged KV cache on the device: where the K or V row of a token lies. Shared by the kernels
// that write it (append here, rope_cuda) and the one that reads it.
//
// A block holds block_tokens tokens of one sequence; within it, each KV head has its K rows and
// then its V rows: [blocks][kv_heads][K, V][block_tokens][head_size]. A reader takes one head
// of a block at a time, so what it takes is one contiguous piece (8 KiB for 16 tokens of 128), and
// a range of 16 tokens of K is contiguous for any block size. The CPU's blocks (kernels/
// decode_attention/paged_kv.h) have token-major rows of all heads, [K,
// V][tokens][heads][head_size], which suits a core that walks all heads of a token; here that order
// would make every copy a row of 256 bytes.
//
// Source: Kwon et al., "PagedAttention", SOSP 2023; FlashInfer's HND layout (arXiv:2501.01005).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace aisp::kernels::decode_attention_cuda {

enum class CacheType { kBf16, kE4m3 };  // e4m3: 8 bits, largest 448
constexpr std::size_t element_bytes(CacheType type) { return type == CacheType::kBf16 ? 2 : 1; }

struct PagedCache {
  void* data = nullptr;  // device, 16-byte aligned
  std::int64_t blocks = 0;
  int kv_heads = 0;
  int block_tokens = 16;  // a power of two, at least 16
  int head_size = 128;    // 64 or 128
  CacheType type = CacheType::kBf16;
  /// Device, [kv_heads]: what is stored times the scale is the number. Null: 1.
  const float* k_scale = nullptr;
  const float* v_scale = nullptr;
};

enum class CachePart { kK = 0, kV = 1 };

/// Elements before row (block, head, part, token in the block).
constexpr std::int64_t cache_offset(const PagedCache& cache, std::int64_t block, int head,
                                    CachePart part, int token) {
  const std::int64_t head_rows = 2 * cache.block_tokens;
  const std::int64_t row = (block * cache.kv_heads + head) * head_rows +
                           static_cast<int>(part) * cache.block_tokens + token;
  return row * cache.head_size;
}

constexpr std::size_t cache_bytes(const PagedCache& cache) {
  return static_cast<std::size_t>(cache_offset(cache, cache.blocks, 0, CachePart::kK, 0)) *
         element_bytes(cache.type);
}

}  // namespace aisp::kernels::decode_attention_cuda
