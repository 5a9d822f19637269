// The interface between the walk over sequences and chunks (paged_attention.cc) and the loops that
// are compiled once for each instruction set (simd.inc), and the table of the latter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "kernels/paged_attention/layout.h"
#include "machine/cpu.h"

namespace aisp::kernels::paged_attention {

inline constexpr int kMostRows = 12;  // query rows of a tile, in any variant
/// Query rows of all tiles that walk a chunk together: their scores are 48 KiB.
inline constexpr int kMostTogether = 48;
inline constexpr std::int64_t kChunkBlocks = kChunkTokens / kBlockTokens;

/// Query rows of one KV head, made ready: f32 [dimension][rows], scaled; or for kI8 [dimension / 4]
/// [rows][4] bytes, then a scale and an offset (-128 times the sum) for each row. Beside them what
/// comes of a chunk: scores, then weights, rows x kChunkTokens; the largest score, the sum of
/// weights and rows x head_size sums of V.
struct Tile {
  const std::byte* q = nullptr;
  float* scores = nullptr;
  float* most = nullptr;
  float* sum = nullptr;
  float* out = nullptr;
};

/// One chunk for the tiles of neighbouring KV heads, which have the same rows.
struct Chunk {
  std::int64_t kv_heads = 0;  // of the cache
  std::int64_t head_size = 0;
  std::int64_t head = 0;  // of the first tile
  std::span<const Tile> tiles;
  int rows = 0;  // of a tile
  float soft_cap = 0.0f;
  std::int64_t low[kMostRows] = {};   // first token that a row sees, counted from the chunk's first
  std::int64_t high[kMostRows] = {};  // last one
  std::int64_t first_block = 0;       // within the chunk
  std::int64_t end_block = 0;
  std::int64_t end_token = 0;  // the last token that any row sees, plus 1
  const std::byte* blocks[kChunkBlocks] = {};
  const std::byte* next = nullptr;  // the first block of the next chunk: its K will be read next
};

struct Variant {
  std::string_view name;
  std::string_view requirement;
  bool (*can_run)(const machine::Cpu& cpu);
  int rows = 0;  // of a tile, at most
  /// Makes Tile::q of rows.
  void (*prepare)(Type type, const float* const* rows, int count, std::int64_t head_size,
                  float scale, std::byte* to);
  std::array<void (*)(const Chunk& chunk), 4> chunk;  // by Type
  /// into = into and then `from`, in this order.
  void (*merge)(int rows, std::int64_t head_size, const Tile& from, const Tile& into);

  /// "" or why it cannot run on `cpu`.
  std::string why_not(const machine::Cpu& cpu) const {
    return can_run(cpu) ? "" : std::string(requirement);
  }
};

/// Widest first. Rows are listed on every machine; those of other architectures cannot run.
std::span<const Variant> variants();
/// The variant called `name`, or the first that can run for "". Throws Error if there is none.
const Variant& find_variant(std::string_view name, const machine::Cpu& cpu);

}  // namespace aisp::kernels::paged_attention
