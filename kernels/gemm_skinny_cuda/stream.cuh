// C[M,N] = A[M,K] W[N,K]^T for few rows of A, on any card from sm_80: every warp streams its own
// weights through its own ring in shared memory, and multiplies them from there. A lane's 16 bytes
// are copied, and later read, by that lane alone, so the ring needs no barrier and any depth: what
// hides the latency of memory is 100 KB on its way into each multiprocessor (latency x bandwidth of
// an H200: 0.8 us x 4.3 TB/s / 132 = 26 KB at the least).
//
// The weights are the 16 x 16 operand of mma, 8 tokens the 16 x 8 one. Within 32 steps of K the
// order is free, if both operands use the same: lane (g, t) = (lane / 4, lane % 4) holds k = 8 t to
// 8 t + 7 of rows g and g + 8, and of token g, which are 16 contiguous bytes. A format says how its
// weights become such fragments; quantised ones are in kernels/gemv_quantized_cuda.
// The warps of a block take the units of a tile in turn and add up their sums at its end.
//
// Source: Frantar et al., "MARLIN", arXiv:2408.11743 (weights in the order of the fragments); PTX
// ISA 9.0, 9.7.14.5.8 (fragments of m16n8k16).
#pragma once

#include "kernels/cuda/dependent_launch.cuh"
#include "kernels/cuda/mma.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/gemm_skinny_cuda/device_run.h"
#include "kernels/gemm_skinny_cuda/epilogue.cuh"
#include "kernels/gemm_skinny_cuda/split.h"

namespace aisp::kernels::gemm_skinny_cuda {

struct StreamArguments {
  const void* weights = nullptr;
  const std::uint16_t* a = nullptr;
  Output out;
  Workspace workspace;
  std::int64_t k = 0;
  Split split;  // tiles of 16 Format::kRowTiles rows, units of Format::kUnitK
};

/// 16 bytes that are read once: other data stays in L2 instead.
__device__ inline void copy_async_once(std::uint32_t to, const void* from, int bytes,
                                       std::uint64_t policy) {
  asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2, %3;" ::"r"(to),
               "l"(__cvta_generic_to_global(from)), "r"(bytes), "l"(policy)
               : "memory");
}
__device__ inline std::uint64_t evict_first_policy() {
  std::uint64_t policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

/// Plain bf16 rows: 64 of K are a line of 128 bytes, one half for each 32.
struct Bf16Rows {
  static constexpr int kUnitK = 64;
  static constexpr int kRowTiles = kStreamRows / 16;  // of 16 rows
  static constexpr int kUnitBytes = kRowTiles * 16 * kUnitK * 2;

  static __device__ void copy(const StreamArguments& p, std::uint32_t to, int tile, int unit,
                              int lane, std::uint64_t policy) {
    const auto* weights = static_cast<const std::uint16_t*>(p.weights);
    const std::int64_t at = unit * kUnitK + 8 * (lane % 4);
#pragma unroll
    for (int i = 0; i < 2 * kRowTiles; ++i) {
      const std::uint16_t* from =
          weights + p.out.weight_row(tile * kRowTiles + i / 2, lane / 4, i % 2) * p.k + at;
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const bool inside = at + 32 * j < p.k;
        copy_async_once(to + (2 * i + j) * 512 + lane * 16, inside ? from + 32 * j : weights,
                        inside ? 16 : 0, policy);
      }
    }
  }
  /// sums += weights * tokens over one unit; tokens[i][j] are the lane's 16 bytes of k = 32 j.
  template <int kTokenTiles>
  static __device__ void multiply(const char* unit, const uint4 (&tokens)[kTokenTiles][2], int lane,
                                  float (&sums)[kRowTiles][kTokenTiles][4]) {
    const auto* pieces = reinterpret_cast<const uint4*>(unit) + lane;
#pragma unroll
    for (int tile = 0; tile < kRowTiles; ++tile) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const uint4 low = pieces[32 * (4 * tile + j)], high = pieces[32 * (4 * tile + 2 + j)];
#pragma unroll
        for (int i = 0; i < kTokenTiles; ++i) {
          cuda::mma_bf16(sums[tile][i], {low.x, high.x, low.y, high.y}, tokens[i][j].x,
                         tokens[i][j].y);
          cuda::mma_bf16(sums[tile][i], {low.z, high.z, low.w, high.w}, tokens[i][j].z,
                         tokens[i][j].w);
        }
      }
    }
  }
};

/// Sizes of one instantiation.
template <class Format, int kTokenTiles, int kStages, int kWarps>
struct StreamShape {
  static constexpr int kSubs = Format::kUnitK / 32;
  static constexpr int kStageBytes = Format::kUnitBytes + kTokenTiles * 8 * Format::kUnitK * 2;
  static constexpr int kRingBytes = kWarps * kStages * kStageBytes;
  static constexpr int kSharedBytes =
      kRingBytes + kWarps * 32 * Format::kRowTiles * kTokenTiles * 4 * 4;
};

/// The units of one warp: every by-th from the first.
struct UnitWalk {
  int tile, unit;
  __device__ UnitWalk(const Split& split, int first)
      : tile(first / split.units), unit(first % split.units) {}
  __device__ void advance(const Split& split, int by) {
    for (unit += by; unit >= split.units; unit -= split.units) ++tile;
  }
};

template <class Format, int kTokenTiles>
__device__ inline void copy_tokens(const StreamArguments& p, std::uint32_t to, const UnitWalk& at,
                                   int lane) {
  constexpr int kSubs = Format::kUnitK / 32;
#pragma unroll
  for (int i = 0; i < kTokenTiles; ++i) {
    const std::int64_t token = 8 * i + lane / 4;
#pragma unroll
    for (int j = 0; j < kSubs; ++j) {
      const std::int64_t k = at.unit * Format::kUnitK + 32 * j + 8 * (lane % 4);
      const bool inside = token < p.out.m && k < p.k;
      cuda::copy_async_16(to + (i * kSubs + j) * 512 + lane * 16,
                          inside ? p.a + token * p.k + k : p.a, inside ? 16 : 0);
    }
  }
}

/// The sums of one tile by kTeams * kRowWarps warps, of which each team has the whole tile and each
/// warp in it kRowTiles row tiles: added up, completed with other blocks' if the tile is shared,
/// and written. Pair i of a tile is rows g and g + 8 of one token, lane-wise. Called by these warps
/// alone.
template <int kRowTiles, int kTokenTiles, int kRowWarps, int kTeams>
__device__ inline void finish_tile(const StreamArguments& p, int tile, float2* shared_sums,
                                   const float (&sums)[kRowTiles][kTokenTiles][4]) {
  constexpr int kPairs = kRowWarps * kRowTiles * kTokenTiles * 64,
                kThreads = 32 * kRowWarps * kTeams;
  const int lane = threadIdx.x % 32;
  float2* mine = shared_sums + threadIdx.x / 32 * (kPairs / kRowWarps) + lane;
#pragma unroll
  for (int i = 0; i < kRowTiles * kTokenTiles; ++i) {
    const float(&four)[4] = sums[i / kTokenTiles][i % kTokenTiles];
    mine[64 * i] = {four[0], four[2]};
    mine[64 * i + 32] = {four[1], four[3]};
  }
  cuda::named_sync(1, kThreads);
  const bool whole = p.split.whole(blockIdx.x, tile);
  const auto write = [&](int pair, float2 sum) {
    const int token_tile = pair / 64 % kTokenTiles;
    p.out.write_pair(tile * kRowWarps * kRowTiles + pair / (64 * kTokenTiles), pair % 32 / 4,
                     8 * token_tile + 2 * (pair % 4) + pair / 32 % 2, sum);
  };
  for (int pair = threadIdx.x; pair < kPairs; pair += kThreads) {
    float2 sum = shared_sums[pair];
#pragma unroll
    for (int team = 1; team < kTeams; ++team) {
      const float2 more = shared_sums[team * kPairs + pair];
      sum.x += more.x;
      sum.y += more.y;
    }
    if (whole) {
      write(pair, sum);
    } else {
      p.workspace.partial(blockIdx.x, p.split.slot(blockIdx.x, tile), kPairs)[pair] = sum;
    }
  }
  if (whole) {
    cuda::named_sync(1, kThreads);  // shared_sums is free again
    return;
  }
  const int first = p.split.first_block(tile), last = p.split.last_block(tile);
  if (!p.workspace.arrive_last(first, last - first + 1, kThreads)) return;
  for (int pair = threadIdx.x; pair < kPairs; pair += kThreads) {
    float2 sum = {0.0F, 0.0F};
#pragma unroll 4
    for (int block = first; block <= last; ++block) {
      const float2 more =
          __ldcg(&p.workspace.partial(block, p.split.slot(block, tile), kPairs)[pair]);
      sum.x += more.x;
      sum.y += more.y;
    }
    write(pair, sum);
  }
}

template <class Format, int kTokenTiles, int kStages, int kWarps>
__global__ void __launch_bounds__(32 * kWarps, 1) stream_product(const StreamArguments p) {
  using Shape = StreamShape<Format, kTokenTiles, kStages, kWarps>;
  extern __shared__ __align__(16) char shared[];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  char* ring = shared + warp * kStages * Shape::kStageBytes;
  const std::uint32_t ring_address = cuda::shared_address(ring);
  const std::uint64_t policy = evict_first_policy();
  const int begin = p.split.begin(blockIdx.x), end = p.split.begin(blockIdx.x + 1);
  const int count = (end - begin - warp + kWarps - 1) / kWarps;
  cuda::let_next_launch_begin();

  UnitWalk ahead(p.split, begin + warp), now = ahead;
  for (int i = 0; i < kStages - 1 && i < count; ++i) {
    Format::copy(p, ring_address + i * Shape::kStageBytes, ahead.tile, ahead.unit, lane, policy);
    ahead.advance(p.split, kWarps);
  }
  cuda::wait_for_launches_before();
  ahead = now;
  for (int i = 0; i < kStages - 1; ++i) {
    if (i < count) {
      copy_tokens<Format, kTokenTiles>(
          p, ring_address + i * Shape::kStageBytes + Format::kUnitBytes, ahead, lane);
      ahead.advance(p.split, kWarps);
    }
    cuda::copy_async_commit();
  }

  int done = 0, stage = 0, refill = kStages - 1;
  for (int tile = begin / p.split.units; tile <= (end - 1) / p.split.units; ++tile) {
    float sums[Format::kRowTiles][kTokenTiles][4] = {};
    while (done < count && now.tile == tile) {
      cuda::copy_async_wait<kStages - 2>();
      __syncwarp();  // scales came through other lanes; and all lanes have left `refill`
      if (done + kStages - 1 < count) {
        const std::uint32_t to = ring_address + refill * Shape::kStageBytes;
        Format::copy(p, to, ahead.tile, ahead.unit, lane, policy);
        copy_tokens<Format, kTokenTiles>(p, to + Format::kUnitBytes, ahead, lane);
        ahead.advance(p.split, kWarps);
      }
      cuda::copy_async_commit();
      const char* unit = ring + stage * Shape::kStageBytes;
      uint4 tokens[kTokenTiles][Shape::kSubs];
#pragma unroll
      for (int i = 0; i < kTokenTiles * Shape::kSubs; ++i) {
        tokens[i / Shape::kSubs][i % Shape::kSubs] =
            reinterpret_cast<const uint4*>(unit + Format::kUnitBytes)[i * 32 + lane];
      }
      Format::multiply(unit, tokens, lane, sums);
      now.advance(p.split, kWarps);
      ++done;
      refill = stage;
      stage = stage + 1 == kStages ? 0 : stage + 1;
    }
    finish_tile<Format::kRowTiles, kTokenTiles, 1, kWarps>(
        p, tile, reinterpret_cast<float2*>(shared + Shape::kRingBytes), sums);
  }
}

/// Enqueues it. The kernel is told once how much shared memory it may use.
template <class Format, int kTokenTiles, int kStages, int kWarps>
void launch_stream(const StreamArguments& arguments, bool overlap, cudaStream_t stream) {
  using Shape = StreamShape<Format, kTokenTiles, kStages, kWarps>;
  const auto kernel = stream_product<Format, kTokenTiles, kStages, kWarps>;
  static const bool told = [&] {
    AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   Shape::kSharedBytes));
    return true;
  }();
  static_cast<void>(told);
  cuda::launch(kernel,
               {.blocks = arguments.split.blocks,
                .threads = 32 * kWarps,
                .shared_bytes = Shape::kSharedBytes,
                .overlap = overlap,
                .stream = stream},
               arguments);
}

}  // namespace aisp::kernels::gemm_skinny_cuda
