// The table of implementations and the interface between the plan (attention.cc) and the code that
// is compiled once for each instruction set (simd.inc, decode.inc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/simd_target.h"
#include "kernels/attention/attention.h"

namespace aisp::kernels::attention {

/// Queries of one head against the keys of its group.
struct Tile {
  const float* q = nullptr;  // [queries][D] of this head
  const float* k = nullptr;  // [keys][D] of its group
  const float* v = nullptr;
  float* o = nullptr;
  std::int64_t queries = 0;  // of the head
  std::int64_t keys = 0;
  std::int64_t D = 0;
  std::int64_t first_query = 0;  // of this tile
  bool causal = true;
  float scale = 1.0f;
};

/// One query of `rows` heads that share their keys; row r of q and o is the r-th head's.
struct Group {
  const float* q = nullptr;  // [rows][D]
  const float* k = nullptr;  // [keys][D]
  const float* v = nullptr;
  float* o = nullptr;
  std::int64_t rows = 0;  // 1 to kGroupRows
  std::int64_t keys = 0;
  std::int64_t D = 0;
  float scale = 1.0f;
};
/// Heads taken at once in decode: with four keys they fill 16 accumulators.
inline constexpr std::int64_t kGroupRows = 4;

struct SimdFunctions {
  std::int64_t tile_queries = 0;                            // queries of a tile
  std::size_t (*scratch_floats)(std::int64_t D) = nullptr;  // for either function, 64-byte aligned
  void (*tile)(const Tile& tile, float* scratch) = nullptr;
  void (*group)(const Group& group, float* scratch) = nullptr;
};
namespace portable {
extern const SimdFunctions kFunctions;
}
#if AISP_X86
namespace avx2 {
extern const SimdFunctions kFunctions;
}
namespace avx512 {
extern const SimdFunctions kFunctions;
}
#endif

struct Variant {
  std::string_view name;
  std::string_view requirement;  // "needs AVX-512"
  bool (*can_run)(const machine::Cpu& cpu);
  SimdFunctions functions;

  /// "" or why it cannot run on `cpu`.
  std::string why_not(const machine::Cpu& cpu) const {
    return can_run(cpu) ? "" : std::string(requirement);
  }
};

/// Widest first. Rows are listed on every machine; those of other architectures cannot run.
std::span<const Variant> variants();

/// The variant called `name`, or the first that can run for "". Throws Error if there is none.
const Variant& find_variant(std::string_view name, const machine::Cpu& cpu);

}  // namespace aisp::kernels::attention
