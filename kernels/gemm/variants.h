// The table of implementations and the interface between the blocked loops (gemm.cc) and the code
// that is compiled once for each instruction set (simd.inc).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "kernels/gemm/gemm.h"
#include "machine/cpu.h"

namespace aisp::kernels::gemm {

/// C[m,n] (+)= A[m,k] B[k,n] for one block, one thread. A row stride of 0 means: packed.
struct Block {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  const float* a = nullptr;
  std::int64_t a_stride = 0;
  const float* b = nullptr;
  std::int64_t b_stride = 0;
  float* c = nullptr;
  std::int64_t c_stride = 0;
  bool accumulate = false;  // add to C instead of overwriting it
};

/// Packed A: panels of `tile.rows` rows in the order of k, panel p at p * tile.rows * k; rows are
/// spread evenly over the panels (see split_rows). Packed B: panels of `tile.columns` columns in
/// the order of k, panel p at p * tile.columns * k, the last one padded with zeros.
struct Variant {
  std::string_view name;
  std::string_view requirement;  // "needs AVX-512"
  bool (*can_run)(const machine::Cpu& cpu);
  TileSize tile;
  void (*pack_a)(std::int64_t m, std::int64_t k, const float* a, std::int64_t stride, float* to);
  void (*pack_b)(std::int64_t k, std::int64_t n, const float* b, std::int64_t stride, float* to);
  void (*block)(const Block& block);

  /// "" or why it cannot run on `cpu`.
  std::string why_not(const machine::Cpu& cpu) const {
    return can_run(cpu) ? "" : std::string(requirement);
  }
};

/// Widest first. Rows are listed on every machine; those of other architectures cannot run.
std::span<const Variant> variants();

/// The variant called `name`, or the first that can run for "". Throws Error if there is none.
const Variant& find_variant(std::string_view name, const machine::Cpu& cpu);

/// m rows in ceil(m / tile_rows) panels whose heights differ by at most one: 16 rows in tiles of 14
/// are 8 + 8, not 14 + 2, whose short tile would leave the multipliers waiting for their latency.
struct RowSplit {
  std::int64_t panels = 0;
  std::int64_t base = 0;   // rows of a panel
  std::int64_t extra = 0;  // the first `extra` panels have one more
  std::int64_t first_row(std::int64_t panel) const {
    return panel * base + (panel < extra ? panel : extra);
  }
  std::int64_t rows(std::int64_t panel) const { return base + (panel < extra ? 1 : 0); }
};
constexpr RowSplit split_rows(std::int64_t m, std::int64_t tile_rows) {
  if (m == 0) return {};
  const std::int64_t panels = (m + tile_rows - 1) / tile_rows;
  return {panels, m / panels, m % panels};
}

}  // namespace aisp::kernels::gemm
