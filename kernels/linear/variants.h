// The interface between the loops over rows and panels (linear.cc) and the code that is compiled
// once for each instruction set (simd.inc, floats.inc), and the table of the latter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "kernels/linear/linear.h"
#include "machine/cpu.h"

namespace aisp::kernels::linear {

inline constexpr int kMostRows = 12;  // of a block of rows, in any variant

/// A slice of one panel times one block of rows, without bias: out is rows x panel columns, tight.
/// Slices of a panel follow each other in the order of k; between them `out` holds what the tile
/// needs (float types: twice as much).
struct TileArgs {
  const std::byte* w = nullptr;
  const std::byte* x = nullptr;  // rounded rows, or for float types [k][rows] f32, k even
  std::int64_t k = 0;            // integer types: a multiple of 32
  float* out = nullptr;
  bool first = true;
  bool last = true;
};
/// Floats of `out` for one panel, whatever the tile: 12 x 16, or 2 x 6 x 32.
inline constexpr std::int64_t kTileFloats = 384;
using Tile = void (*)(const TileArgs& args);

/// Rows of X to bring into a block. `rows` pointers of which `count` are given.
struct RowBlock {
  const float* const* rows = nullptr;
  int count = 0;
  std::int64_t k = 0;
  std::byte* to = nullptr;
};

/// From a tile to Y: bias, gate, accumulation. y[r] points to the first column of the panel.
struct Finish {
  const float* tile = nullptr;
  const float* up = nullptr;  // the second tile of a gate
  std::int64_t panel_columns = 0;
  std::int64_t columns = 0;  // valid ones
  int rows = 0;
  float* const* y = nullptr;
  const float* bias = nullptr;
  const float* up_bias = nullptr;
  bool accumulate = false;
  Gate gate = Gate::kNone;
};

struct Variant {
  std::string_view name;
  std::string_view requirement;
  bool (*can_run)(const machine::Cpu& cpu);
  int rows = 0;                                           // of a block for integer types
  int float_rows = 0;                                     // for float types
  std::array<std::array<Tile, kMostRows>, 7> tiles = {};  // by Type and rows - 1
  void (*round_rows)(const RowBlock& block);
  void (*interleave_rows)(const RowBlock& block);
  void (*finish)(const Finish& args);

  /// "" or why it cannot run on `cpu`.
  std::string why_not(const machine::Cpu& cpu) const {
    return can_run(cpu) ? "" : std::string(requirement);
  }
};

/// Widest first. Rows are listed on every machine; those of other architectures cannot run.
std::span<const Variant> variants();

/// The variant called `name`, or the first that can run for "". Throws Error if there is none.
const Variant& find_variant(std::string_view name, const machine::Cpu& cpu);

}  // namespace aisp::kernels::linear
