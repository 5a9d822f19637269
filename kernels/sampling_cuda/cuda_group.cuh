// The threads that share a row: one block, or the blocks of a cluster. What they exchange are
// 64-bit integers, whose sums and maxima do not depend on the order.
#pragma once

#include "kernels/cuda/cluster.cuh"
#include "kernels/sampling_cuda/cuda_shape.h"

namespace aisp::kernels::sampling_cuda {

constexpr int kWarps = kThreads / 32;
constexpr int kMostValues = 18;        // of one exchange: masses and counts above 9 pivots
constexpr int kCandidates = kThreads;  // one for each thread

struct Exchange {
  std::uint64_t of_warp[kWarps][kMostValues];
  std::uint64_t of_block[2][kMaxBlocksPerRow][kMostValues];  // two, so that one barrier is enough
  std::uint64_t of_group[kMostValues];
  std::uint64_t masses[kCandidates];
  float candidates[kCandidates], gathered[kCandidates];
  float pivots[kMostValues / 2];
  int candidate_count;
};
static_assert(sizeof(Exchange) <= kExchangeBytes);

struct Sum {
  __device__ static std::uint64_t join(std::uint64_t a, std::uint64_t b) { return a + b; }
};
struct Largest {
  __device__ static std::uint64_t join(std::uint64_t a, std::uint64_t b) { return a > b ? a : b; }
};

/// Joins over a warp; every lane gets the same bits.
template <class Op>
__device__ inline std::uint64_t warp_join(std::uint64_t value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    value = Op::join(value, __shfl_xor_sync(0xffffffffU, value, step));
  }
  return value;
}
/// Always the same additions, so the same bits; and larger terms give no smaller sums.
__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffU, value, step);
  return value;
}

template <bool kCluster>
class Group {
 public:
  __device__ Group(Exchange& exchange, int blocks) : exchange_(exchange), blocks_(blocks) {
    if constexpr (kCluster) rank_ = static_cast<int>(cuda::cluster_rank());
  }
  __device__ int rank() const { return rank_; }
  __device__ int blocks() const { return blocks_; }
  __device__ Exchange& own() { return exchange_; }
  __device__ Exchange& of(int rank) {
    if constexpr (kCluster) return *cuda::of_block(&exchange_, static_cast<std::uint32_t>(rank));
    return exchange_;
  }
  __device__ void wait() {
    if constexpr (kCluster) {
      cuda::cluster_sync();
    } else {
      __syncthreads();
    }
  }
  /// This warp's join of a value; lane 0's copy counts. Then join(), then read of_group[slot].
  __device__ void put(int slot, std::uint64_t value) {
    if (threadIdx.x % 32 == 0) exchange_.of_warp[threadIdx.x / 32][slot] = value;
  }
  /// Joins `count` slots over the group. Every thread; nobody may still read of_group.
  template <class Op>
  __device__ void join(int count) {
    share<Op>(count);
    const int slot = static_cast<int>(threadIdx.x);
    if (slot < count) {
      std::uint64_t joined = exchange_.of_block[parity_][0][slot];
      for (int r = 1; r < blocks_; ++r) {
        joined = Op::join(joined, exchange_.of_block[parity_][r][slot]);
      }
      exchange_.of_group[slot] = joined;
    }
    parity_ ^= 1;
    __syncthreads();
  }
  /// The sum over the threads before this one (rank, then thread), and over all.
  __device__ std::uint64_t sum_before(std::uint64_t value, std::uint64_t& all) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    std::uint64_t upto = value;
    for (int step = 1; step < 32; step *= 2) {
      const std::uint64_t other = __shfl_up_sync(0xffffffffU, upto, step);
      if (lane >= step) upto += other;
    }
    if (lane == 31) exchange_.of_warp[warp][0] = upto;
    share<Sum>(1);
    std::uint64_t before = upto - value;
    for (int w = 0; w < warp; ++w) before += exchange_.of_warp[w][0];
    all = 0;
    for (int r = 0; r < blocks_; ++r) {
      if (r == rank_) before += all;
      all += exchange_.of_block[parity_][r][0];
    }
    parity_ ^= 1;
    return before;
  }

 private:
  // The join of this block's warps, into every block's table.
  template <class Op>
  __device__ void share(int count) {
    __syncthreads();
    const int slot = static_cast<int>(threadIdx.x);
    if (slot < count) {
      std::uint64_t joined = exchange_.of_warp[0][slot];
#pragma unroll
      for (int w = 1; w < kWarps; ++w) joined = Op::join(joined, exchange_.of_warp[w][slot]);
      for (int r = 0; r < blocks_; ++r) of(r).of_block[parity_][rank_][slot] = joined;
    }
    wait();
  }

  Exchange& exchange_;
  int blocks_, rank_ = 0, parity_ = 0;
};

}  // namespace aisp::kernels::sampling_cuda
