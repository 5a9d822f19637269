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
inline constexpr std::int64_t kChunkBlocks = kChunkTokens / kBlockTokens;

/// Query rows of a tile, made ready: f32 [dimension][rows], scaled; or for kI8 [dimension /
/// 4][rows] [4] bytes, then a scale and an offset (-128 times the sum) for each row.
struct Tile {
  int rows = 0;
  std::int64_t head_size = 0;
  const std::byte* q = nullptr;
  std::int64_t low[kMostRows] = {};   // first position that a row sees
  std::int64_t high[kMostRows] = {};  // last one
  float soft_cap = 0.0f;
};

/// One chunk for a tile. `blocks` are the parts of this KV head in the chunk's blocks first_block
/// .. end_block - 1, `next` those of the next chunk or nullptr: their K will be read next.
struct Chunk {
  std::int64_t first_token = 0;  // position of the chunk
  std::int64_t first_block = 0;  // within the chunk
  std::int64_t end_block = 0;
  std::int64_t end_token = 0;  // within the chunk: the last token that any row sees, plus 1
  const std::byte* blocks[kChunkBlocks] = {};
  const std::byte* next[kChunkBlocks] = {};
  float* scores = nullptr;  // scratch, rows x kChunkTokens
};

/// Largest score, sum of weights, and rows x head_size sums of V.
struct Partial {
  float* most = nullptr;
  float* sum = nullptr;
  float* out = nullptr;
};

struct Variant {
  std::string_view name;
  std::string_view requirement;
  bool (*can_run)(const machine::Cpu& cpu);
  int rows = 0;  // of a tile, at most
  /// Makes Tile::q from row pointers.
  void (*prepare)(Type type, const float* const* rows, int count, std::int64_t head_size,
                  float scale, std::byte* to);
  std::array<void (*)(const Tile& tile, const Chunk& chunk, const Partial& result), 4> chunk;
  /// into = into and then `from`, in this order.
  void (*merge)(int rows, std::int64_t head_size, const Partial& from, const Partial& into);

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
