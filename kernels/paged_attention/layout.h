// What a block looks like in memory: append.cc writes it, simd.inc reads it. For each KV head, one
// after the other: K [dimension][token], V [token][dimension], and for kI8 the scales of K and of
// V, one f32 for each token. 8-bit K is [dimension / 4][token][4], unsigned with 128 added, 8-bit V
// is [token / 4][dimension][4], signed: groups of four for VPDPBUSD, which multiplies unsigned by
// signed.
#pragma once

#include <cstdint>

#include "kernels/paged_attention/paged_attention.h"

namespace aisp::kernels::paged_attention {

constexpr std::int64_t element_bytes(Type type) {
  return type == Type::kF32 ? 4 : (type == Type::kI8 ? 1 : 2);
}
/// Where V begins within a head's part of a block, and the scales, and the part's size.
constexpr std::int64_t v_offset(Type type, std::int64_t head_size) {
  return kBlockTokens * head_size * element_bytes(type);
}
constexpr std::int64_t scales_offset(Type type, std::int64_t head_size) {
  return 2 * v_offset(type, head_size);
}
constexpr std::int64_t head_bytes(Type type, std::int64_t head_size) {
  return scales_offset(type, head_size) + (type == Type::kI8 ? 2 * kBlockTokens * 4 : 0);
}

}  // namespace aisp::kernels::paged_attention
