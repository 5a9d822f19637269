// How row kernels and element kernels are cut into blocks. Pure arithmetic on a described device:
// tests ask it about cards that are not there.
//
// Source: CUDA C++ Programming Guide 13.0, occupancy; sweeps on one H200 behind the constants.
#pragma once

#include <cstdint>

#include "machine/device.h"

namespace aisp::kernels::cuda {

/// The cut of a row kernel (kernels/cuda/row.cuh).
struct RowConfig {
  bool aligned = false;     // packs of 16 bytes; else elements one by one
  int packs = 0;            // of 16 bytes a thread: 1, 2, 4 or 8
  int threads = 0;          // of a row, a multiple of 32
  int rows_per_block = 1;   // more than one only with 32 threads a row
  std::int64_t blocks = 1;  // each takes every blocks-th row, or group of rows
  bool operator==(const RowConfig&) const = default;
};

/// Elements of `element_bytes` in the longest row that fits in the registers of one block.
constexpr std::int64_t longest_row(int element_bytes) { return 1024 * 8 * (16 / element_bytes); }

/// One block a row, or one for eight short ones. `n` elements of `element_bytes`, at most
/// longest_row(); `packs` a thread where the row is long enough for a warp of them, and more only
/// where 512 threads would not suffice.
RowConfig choose_row_config(std::int64_t rows, std::int64_t n, int element_bytes, bool aligned,
                            int packs);

/// Whether `address` and rows of `n` elements of `element_bytes` can be moved in packs of `lanes`
/// elements.
inline bool fits_packs(const void* address, std::int64_t n, int element_bytes, int lanes) {
  const int bytes = lanes * element_bytes < 16 ? lanes * element_bytes : 16;
  return n % lanes == 0 && reinterpret_cast<std::uintptr_t>(address) % bytes == 0;
}

}  // namespace aisp::kernels::cuda
