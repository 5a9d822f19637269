// Element kernels: every thread moves a few packs of a strided two-dimensional array, loads before
// stores, and computes on floats. The skeleton of activations, dequantisation and gathering.
//
// Source: CUDA C++ Programming Guide 13.0, device memory accesses.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "base/check.h"
#include "kernels/cuda/vector.cuh"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::kernels::cuda {

inline constexpr int kElementThreads = 256;

/// Where the packs of a thread lie: pack number -> row and first column.
struct PackPlace {
  std::int64_t row;
  int column;
};
/// rows x n in packs of `count`, the last of a row short where `count` does not divide n.
struct PackGrid {
  std::int64_t rows, packs;
  std::uint32_t packs_a_row;
  int n;
  // pack / packs_a_row as a product, for packs below 2^31: a fifth of a division's instructions.
  // Source: CUTLASS 3, fast_math.h, FastDivmod.
  std::uint32_t multiplier = 0, shift = 0;

  PackGrid(std::int64_t rows, std::int64_t n, int count)
      : rows(rows),
        packs(rows * ((n + count - 1) / count)),
        packs_a_row(static_cast<std::uint32_t>((n + count - 1) / count)),
        n(static_cast<int>(n)) {
    std::uint32_t bits = 0;
    while ((std::uint64_t{1} << bits) < packs_a_row) ++bits;
    if (bits == 0) return;
    const std::uint64_t power = std::uint64_t{1} << (31 + bits);
    multiplier = static_cast<std::uint32_t>((power + packs_a_row - 1) / packs_a_row);
    shift = bits - 1;
  }
  __device__ PackPlace place(std::int64_t pack, int count) const {
    if (rows == 1) return {0, static_cast<int>(pack) * count};
    if (packs < (std::int64_t{1} << 31)) {
      const auto narrow = static_cast<std::uint32_t>(pack);
      const std::uint32_t row = packs_a_row == 1 ? narrow : __umulhi(narrow, multiplier) >> shift;
      return {row, static_cast<int>(narrow - row * packs_a_row) * count};
    }
    const std::int64_t row = pack / packs_a_row;
    return {row, static_cast<int>(pack - row * packs_a_row) * count};
  }
};

/// A pack of a row that begins at `row`; what lies beyond n is 0.
template <class T, int kCount, bool kAligned>
__device__ Pack<T, kCount> load_at(const T* row, int column, int n) {
  if constexpr (kAligned) {
    return load_pack<T, kCount>(row + column);
  } else {
    return load_elements<T, kCount>(row, column, 1, n, 0);
  }
}
template <class T, int kCount, bool kAligned>
__device__ void store_at(T* row, int column, int n, const Pack<T, kCount>& pack) {
  if constexpr (kAligned) {
    store_pack(row + column, pack);
  } else {
    store_elements(row, column, 1, n, pack);
  }
}

/// Launches kernel<<<>>>(arguments...) with `each` packs a thread.
template <class... Formal, class... Actual>
void launch_elements(void (*kernel)(Formal...), std::int64_t packs, int each,
                     machine::CudaStream stream, const Actual&... arguments) {
  const std::int64_t a_block = std::int64_t{kElementThreads} * each;
  const std::int64_t blocks = (packs + a_block - 1) / a_block;
  check(blocks < (std::int64_t{1} << 31), "element kernel: more blocks than a grid has");
  if (blocks == 0) return;
  kernel<<<static_cast<unsigned>(blocks), kElementThreads, 0, stream>>>(arguments...);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::kernels::cuda
