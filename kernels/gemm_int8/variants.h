// The table of implementations and the interface between the blocked loops (gemm_int8.cc) and the
// code that is compiled once for each instruction set (simd.inc).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/variants.h"
#include "kernels/gemm_int8/gemm_int8.h"
#include "machine/cpu.h"

namespace aisp::kernels::gemm_int8 {

/// C[m,n] (+)= A[m,k] B[k,n] for one block, one thread, both packed; k counts words. With `scaled`,
/// C becomes f32 after the sum.
struct Block {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  const void* a = nullptr;
  const void* b = nullptr;
  std::int32_t* c = nullptr;
  std::int64_t c_stride = 0;
  bool accumulate = false;
  bool scaled = false;
  const float* row_scales = nullptr;  // may stay nullptr: 1
  const float* column_scales = nullptr;
  const float* bias = nullptr;
};

/// A block of A to pack: m x k elements.
struct RowBlock {
  std::int64_t m = 0;
  std::int64_t k = 0;
  const void* a = nullptr;
  std::int64_t stride = 0;
};

/// A block of B to pack: k x n elements.
struct ColumnBlock {
  std::int64_t k = 0;
  std::int64_t n = 0;
  const std::int8_t* b = nullptr;
  std::int64_t stride = 0;
};

/// A word is 32 bits of a row of A or a column of B: `group` consecutive elements, the last ones
/// zero where k is no multiple. Packed A: as in kernels/gemm, in words. Packed B: panels of
/// `tile.columns` columns, in each first `start_rows` rows of initial sums, then its words in the
/// order of k, missing columns zero.
struct Variant {
  std::string_view name;
  std::string_view requirement;
  bool (*can_run)(const machine::Cpu& cpu);
  gemm::TileSize tile;
  int group = 0;
  int start_rows = 0;
  std::int64_t most_words = 0;  // of one pass over k; 0: any number
  void (*pack_a_u8)(const RowBlock& block, void* to);
  void (*pack_a_s8)(const RowBlock& block, void* to);
  void (*pack_b)(const ColumnBlock& block, AType a_type, void* to);
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

}  // namespace aisp::kernels::gemm_int8
