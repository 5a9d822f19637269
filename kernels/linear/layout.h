// What packed weights and rounded rows look like in memory; pack.cc writes the first, simd.inc the
// second, the tiles read both. One layout for every instruction set, so that a packed file serves
// any machine.
//
// K is cut into slices (slice_k), all panels of the first slice come first: while one row passes,
// its slice of X stays in level 1 beside the stream of weights. In one piece, K = 8192 reached 0.75
// of the rate of memory with 4-bit weights, K = 2048 all of it.
//
// Integer weights: panels of 16 columns (outputs), each a contiguous stream. A panel is a sequence
// of chunks of 256 weights of each column (8 groups of 32; the last chunk may have fewer, only for
// types whose block is 32): first scales, then for each group of 32 its 8 steps of 4 weights: a
// step is 64 bytes [column][4]. All numbers are unsigned, offset included, because VPDPBUSD
// multiplies unsigned by signed: what the offset adds, 128 times the sum of the rounded row, is
// known when the row is rounded and is where sums start.
//   Q8_0  u8 q + 128                  chunk: 8 x 16 f16 d | 8 groups x 512 bytes
//   Q4_0  two steps in one, low and high nibbles; read as 16 q, so that the offset is 128 again
//                                     chunk: 8 x 16 f16 d | 8 x 256
//   Q4_K  as Q4_0, read as q          chunk: 16 f16 d | 16 f16 dmin | 8 x 16 s | 8 x 16 m | 8 x 256
//   Q6_K  nibbles as Q4_0, then the two high bits of four steps in one; read as 4 q
//                                     chunk: 16 f16 d | 32 bytes | 16 x 16 s | 8 x (256 + 128)
// Float weights: panels of 32 columns, for each k 32 numbers, k rounded up to even. bf16: a 32-bit
// word holds column j in its low half and j + 16 in its high half, so that a shift and a mask widen
// them.
//
// Rounded rows: blocks of R rows, for each group of 32: R x 32 signed bytes, then R numbers each of
// kScale .. kScaledSum, which stand beside the bytes so that a tile reads one stream.
#pragma once

#include <cstdint>

#include "kernels/linear/linear.h"

namespace aisp::kernels::linear {

inline constexpr std::int64_t kGroup = 32;         // weights that share a rounding of X
inline constexpr std::int64_t kChunkGroups = 8;    // of a chunk
inline constexpr std::int64_t kColumns = 16;       // of an integer panel
inline constexpr std::int64_t kFloatColumns = 32;  // of a float panel
inline constexpr std::int64_t kStepBytes = 4 * kColumns;

/// A chunk of each integer type: where scales end and quants begin, bytes of a group, of a chunk.
struct Chunk {
  std::int64_t quants = 0;
  std::int64_t group_bytes = 0;
  std::int64_t bytes = 0;
};
inline constexpr Chunk kChunkQ8_0 = {256, 512, 256 + 8 * 512};
inline constexpr Chunk kChunkQ4_0 = {256, 256, 256 + 8 * 256};
inline constexpr Chunk kChunkQ4_K = {320, 256, 320 + 8 * 256};
// Low and high bits of a group lie together: as two streams in one chunk they defeated the
// prefetcher of Zen 4, 9 GB/s from memory instead of 26.
inline constexpr Chunk kChunkQ6_K = {320, 384, 320 + 8 * 384};
inline constexpr std::int64_t kHighQ6_K = 256;  // where the high bits of a group begin

constexpr bool is_float(Type type) {
  return type == Type::kF32 || type == Type::kF16 || type == Type::kBF16;
}
constexpr Chunk chunk_of(Type type) {
  if (type == Type::kQ8_0) return kChunkQ8_0;
  if (type == Type::kQ4_0) return kChunkQ4_0;
  return type == Type::kQ4_K ? kChunkQ4_K : kChunkQ6_K;
}
constexpr std::int64_t panel_columns(Type type) {
  return is_float(type) ? kFloatColumns : kColumns;
}
/// Of a slice: weights of one panel take 17 to 19 KiB (Q6_K: 14), half of a level 1 of 32 KiB, and
/// the row 2 or 3 KiB. Float types: 6 rows of 2048 f32 are 48 KiB, which level 2 feeds.
constexpr std::int64_t slice_k(Type type) {
  return type == Type::kQ8_0 || type == Type::kQ6_K ? 1024 : 2048;
}
/// Bytes of k weights of a panel, at most a slice; a multiple of 64.
constexpr std::int64_t panel_bytes(Type type, std::int64_t k) {
  if (is_float(type)) return (k + 1) / 2 * 2 * kFloatColumns * (type == Type::kF32 ? 4 : 2);
  const Chunk chunk = chunk_of(type);
  const std::int64_t groups = k / kGroup, left = groups % kChunkGroups;
  return groups / kChunkGroups * chunk.bytes +
         (left > 0 ? chunk.quants + left * chunk.group_bytes : 0);
}
constexpr std::int64_t panels_of(Type type, std::int64_t n) {
  return (n + panel_columns(type) - 1) / panel_columns(type);
}

/// One slice of one panel.
struct Slice {
  std::int64_t first_k = 0;
  std::int64_t k = 0;
  std::int64_t at = 0;     // byte where it begins
  std::int64_t bytes = 0;  // to the same slice of the next panel
};
constexpr std::int64_t slices_of(Type type, std::int64_t k) {
  return (k + slice_k(type) - 1) / slice_k(type);
}
constexpr Slice slice_of(Type type, std::int64_t n, std::int64_t k, std::int64_t slice,
                         std::int64_t panel) {
  const std::int64_t first = slice * slice_k(type), left = k - first;
  const std::int64_t size = left < slice_k(type) ? left : slice_k(type);
  const std::int64_t bytes = panel_bytes(type, size);
  return {first, size,
          slice * panel_bytes(type, slice_k(type)) * panels_of(type, n) + panel * bytes, bytes};
}

/// Numbers beside the bytes of a rounded group of a row; 32 bits each.
enum RowNumber {
  kScale,         // f32: x = scale * q
  kOffset,        // i32: -128 sum of q, where sums over the group start
  kOffsetFirst,   // i32: of the first 16
  kOffsetSecond,  // i32: of the last 16
  kScaledSum,     // f32: scale * sum of q
  kRowNumbers
};
inline constexpr std::int64_t kRowGroupBytes = kGroup + 4 * kRowNumbers;

}  // namespace aisp::kernels::linear
