// Attention of one decoding step of B requests whose K and V lie in blocks of a shared pool.
// Params: B requests, T tokens of the longest (request i has T (i + 1) / B), H query heads, G KV
// heads, D head size, bits 16 (bf16) or 8 (a scale for each head of a token) of the cache.
// Inputs: q [B,H,D] f32; contexts [B], tables [B, blocks of a request]; the pool in the two forms
// that systems keep: pool_k, pool_v [blocks, 32, G, D] with scale_k, scale_v [blocks, 32, G] (for
// 8 bits), and `blocks`, the engine's (kernels/paged_attention/layout.h). Both hold the same
// numbers; a technique reads either. Output: o [B,H,D].
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"
#include "kernels/eager_attention/eager_attention.h"
#include "kernels/eager_attention/scatter.h"

namespace aisp::labs::ch16::paged_attention {

enum Input : std::size_t { kQ, kContexts, kTables, kPoolK, kPoolV, kScaleK, kScaleV, kBlocks };
enum Output : std::size_t { kO };

struct Shape {
  explicit Shape(const bench::Params& params);
  kernels::eager_attention::Heads heads;
  kernels::eager_attention::Scattered cache;
  kernels::paged_attention::Type type;  // kBF16 or kI8

  std::int64_t block_bytes() const {
    return kernels::paged_attention::block_bytes(type, heads.kv_heads, heads.head_size);
  }
};

/// K and V of one request as contiguous f32, tokens x G x D.
struct Gathered {
  std::vector<float> k, v;
  explicit Gathered(const Shape& shape);
  /// Reads the first `tokens` tokens of a request from the pool, block by block.
  void gather(const Shape& shape, const bench::Io& io, std::int64_t request, std::int64_t tokens);
};

bench::Technique gather_dense();
bench::Technique padded_batch();
bench::Technique gather_blocks();
bench::Technique paged();
bench::Technique paged_threads();

/// The engine's kernel on the blocks where they lie; threads as in Technique.
bench::Technique in_place(const char* name, const char* summary, int threads);

}  // namespace aisp::labs::ch16::paged_attention
