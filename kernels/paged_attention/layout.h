// What a block looks like in memory: append.cc writes it, simd.inc reads it. A piece is one KV
// head's K, [dimension][token], or its V, [token][dimension]. K of all heads, V of all heads, then
// for kI8 the scales of K and of V of each head, one f32 for each token. So a decoding step, which
// reads all heads, reads long runs: head by head through the blocks, 4 KiB here and there, reached
// half of the rate. 8-bit K is [dimension / 4][token][4], unsigned with 128 added, 8-bit V is
// [token / 4] [dimension][4], signed: groups of four for VPDPBUSD, which multiplies unsigned by
// signed.
#pragma once

#include <cstdint>

#include "kernels/paged_attention/paged_attention.h"

namespace aisp::kernels::paged_attention {

constexpr std::int64_t element_bytes(Type type) {
  return type == Type::kF32 ? 4 : (type == Type::kI8 ? 1 : 2);
}
constexpr std::int64_t piece_bytes(Type type, std::int64_t head_size) {
  return kBlockTokens * head_size * element_bytes(type);
}
/// Where things of a head begin within a block.
struct Places {
  std::int64_t k = 0, v = 0;
  std::int64_t scales_k = 0, scales_v = 0;  // kI8
};
constexpr Places places(Type type, std::int64_t kv_heads, std::int64_t head_size,
                        std::int64_t head) {
  const std::int64_t piece = piece_bytes(type, head_size), scales = kBlockTokens * 4;
  const std::int64_t end = 2 * kv_heads * piece;
  return {head * piece, (kv_heads + head) * piece, end + head * scales,
          end + (kv_heads + head) * scales};
}

}  // namespace aisp::kernels::paged_attention
