// The part of a row that one thread of a row kernel holds in registers, and the launch of such
// kernels. The skeleton of normalisation, softmax, cross-entropy and quantisation: load the row,
// reduce, write; memory sees each element once.
//
// Source: none; the arrangement is dictated by coalescing (a warp's packs are neighbours).
#pragma once

#include <cuda_runtime.h>

#include <type_traits>

#include "base/check.h"
#include "kernels/cuda/grid.h"
#include "kernels/cuda/vector.cuh"
#include "machine/cuda_raii.h"

namespace aisp::kernels::cuda {

/// kPacks packs of T. kAligned: the row starts on 16 bytes and is whole packs; else elements are
/// moved one by one, neighbours by neighbouring threads.
template <class T, int kPacks, bool kAligned>
struct RowSlice {
  static constexpr int kCount = kLanes<T>;
  Pack<T, kCount> pack[kPacks];

  /// Number of the element (i, j) in its row, for the thread `thread` of `threads`.
  __device__ static int column(int i, int j, int thread, int threads) {
    return kAligned ? (i * threads + thread) * kCount + j : (i * kCount + j) * threads + thread;
  }
  /// Pack i of a row; what lies beyond n becomes `fill` (a word of elements). Plain loads: those
  /// that ask to leave the caches first (ld.global.cs) took a norm from 3.90 to 3.72 TB/s on one
  /// H200.
  __device__ static Pack<T, kCount> load_one(const T* row, int i, int n, int thread, int threads,
                                             std::uint32_t fill = 0) {
    const int first = column(i, 0, thread, threads);
    if constexpr (kAligned) {
      if (first < n) return load_pack<T, kCount>(row + first);
      Pack<T, kCount> none;
#pragma unroll
      for (auto& word : none.word) word = fill;
      return none;
    } else {
      return load_elements<T, kCount>(row, first, threads, n, fill);
    }
  }
  __device__ void load(const T* row, int n, int thread, int threads, std::uint32_t fill = 0) {
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      pack[i] = load_one(row, i, n, thread, threads, fill);
    }
  }
  /// Makes the compiler unpack again: the floats of a pass are twice the registers of the packs,
  /// and it would rather keep them for the next pass, or spill them, than repeat a shift.
  __device__ void forget_floats() {
#pragma unroll
    for (auto& one : pack) {
#pragma unroll
      for (auto& word : one.word) asm volatile("" : "+r"(word));
    }
  }
  /// Writes pack i, of the same columns in another type.
  template <class Out>
  __device__ static void store(Out* row, int i, const float (&values)[kCount], int n, int thread,
                               int threads) {
    const auto out = of_floats<Out>(values);
    const int first = column(i, 0, thread, threads);
    if constexpr (kAligned) {
      if (first < n) store_pack(row + first, out);
    } else {
      store_elements(row, first, threads, n, out);
    }
  }
};

/// A row that all rows share (a weight): in registers while they suffice, else read again, from L1.
template <class Slice, class T, bool kHeld>
class SharedRow {
 public:
  /// nullptr: zeros.
  __device__ SharedRow(const T* row, int n) : row_(row), n_(n) {
    if constexpr (kHeld) {
      if (row != nullptr) {
        slice_.load(row, n, threadIdx.x, blockDim.x);
      } else {
        slice_ = {};
      }
    }
  }
  __device__ void read(int i, float (&out)[Slice::kCount]) const {
    if constexpr (kHeld) {
      to_floats(slice_.pack[i], out);
    } else {
      Pack<T, Slice::kCount> pack{};
      if (row_ != nullptr) pack = Slice::load_one(row_, i, n_, threadIdx.x, blockDim.x);
      to_floats(pack, out);
    }
  }

 private:
  const T* row_;
  int n_;
  struct None {};
  std::conditional_t<kHeld, Slice, None> slice_;
};

/// Calls work(integral_constant<int, packs>) for the numbers of packs that row kernels are built
/// for.
template <class Work>
void with_packs(int packs, Work work) {
  switch (packs) {
    case 1:
      return work(std::integral_constant<int, 1>());
    case 2:
      return work(std::integral_constant<int, 2>());
    case 4:
      return work(std::integral_constant<int, 4>());
    case 8:
      return work(std::integral_constant<int, 8>());
    default:
      check(false, "row kernel: 1, 2, 4 or 8 packs a thread");
  }
}

/// For __launch_bounds__: 64 registers a thread, so that 1024 threads fit at once.
constexpr int max_threads(int packs) { return packs == 8 ? 1024 : 512; }
constexpr int min_blocks(int packs) { return packs == 8 ? 1 : 2; }

/// Launches kernel<<<>>>(arguments...) as `config` says.
template <class... Formal, class... Actual>
void launch_rows(void (*kernel)(Formal...), const RowConfig& config, machine::CudaStream stream,
                 const Actual&... arguments) {
  const dim3 threads(config.threads, config.rows_per_block);
  kernel<<<static_cast<unsigned>(config.blocks), threads, 0, stream>>>(arguments...);
  AISP_CUDA(cudaGetLastError());
}

/// The rows of a block, for the loops of kernels: first, and how far to the next.
__device__ inline std::int64_t first_row() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
}
__device__ inline std::int64_t row_step() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.y;
}

}  // namespace aisp::kernels::cuda
