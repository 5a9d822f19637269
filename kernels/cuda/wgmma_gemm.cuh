// C[M,N] = A[M,K] B on the tensor cores in the simplest form that keeps them fed: a block for each
// tile of 128 x kN, one thread that asks the copy engine for slices of K a ring of kStages ahead,
// and two warpgroups that multiply. Labs vary its stages, its tile and how B lies;
// kernels/gemm_cuda is the one to use. Include from *_sm90.cu.
//
// Source: CUTLASS 3, sm90_mma_tma_gmma_ss_warpspecialized.hpp (the ring); PTX ISA 9.0, 9.7.15.
#pragma once

#include <cuda_fp8.h>

#include "base/dtype.h"
#include "kernels/cuda/mma.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tma.cuh"
#include "kernels/cuda/warpgroup.cuh"
#include "kernels/cuda/wgmma.cuh"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::kernels::cuda {

// What differs between the types: the instruction, its K = 32 bytes, and how two sums are stored.
struct Tf32Product {
  using In = float;
  using Out = float;
  static constexpr MapElement kElement = MapElement::kTf32;
  template <int kTransposeB>
  static __device__ void multiply(float (&d)[64], std::uint64_t a, std::uint64_t b, bool add) {
    static_assert(kTransposeB == 0, "the instruction has no transposed tf32");
    wgmma_tf32<128>(d, a, b, add);
  }
  static __device__ void store(float* c, float x) { *c = x; }
  static __device__ void store_two(float* c, float x, float y) {
    *reinterpret_cast<float2*>(c) = {x, y};
  }
};
struct F16Product {
  using In = f16;
  using Out = f16;
  static constexpr MapElement kElement = MapElement::kF16;
  template <int kTransposeB>
  static __device__ void multiply(float (&d)[64], std::uint64_t a, std::uint64_t b, bool add) {
    wgmma_f16<128, 0, kTransposeB>(d, a, b, add);
  }
  static __device__ void store(f16* c, float x) {
    c->bits = static_cast<std::uint16_t>(pack_f16(x, 0.0F));
  }
  static __device__ void store_two(f16* c, float x, float y) {
    *reinterpret_cast<std::uint32_t*>(c) = pack_f16(x, y);
  }
};
struct E4m3Product {
  using In = std::uint8_t;
  using Out = bf16;
  static constexpr MapElement kElement = MapElement::kU8;
  template <int kTransposeB>
  static __device__ void multiply(float (&d)[64], std::uint64_t a, std::uint64_t b, bool add) {
    static_assert(kTransposeB == 0, "the instruction has no transposed e4m3");
    wgmma_e4m3<128>(d, a, b, add);
  }
  static __device__ void store(bf16* c, float x) {
    c->bits = static_cast<std::uint16_t>(pack_bf16(x, 0.0F));
  }
  static __device__ void store_two(bf16* c, float x, float y) {
    *reinterpret_cast<std::uint32_t*>(c) = pack_bf16(x, y);
  }
};

enum class LayoutB {
  kColumns,           // B is stored [N,K]: as the instruction likes it
  kRows,              // B is stored [K,N]: the descriptor says so (16-bit types only)
  kRowsTransposedBy,  // B is stored [K,N]: the warps transpose each slice in shared memory first
};

template <class Type, int kN, int kStages, LayoutB kLayout>
struct WgmmaTile {
  static constexpr int kM = 128;
  static constexpr int kThreads = 384;  // two warpgroups and the producer's
  static constexpr int kDepth =
      128 / sizeof(typename Type::In);  // of a slice: 128 bytes, the swizzle
  static constexpr int kBytesA = kM * 128, kBytesB = kN * 128;
  static constexpr bool kScratch = kLayout == LayoutB::kRowsTransposedBy;
  static constexpr int kShared = kStages * (kBytesA + kBytesB) + (kScratch ? kBytesB : 0) + 1024;
};

/// B's slice [64 k, kN] of 16-bit elements, atoms of 64 columns as the copy engine swizzles them,
/// to [kN, 64 k] in the same swizzle: blocks of 8 x 8, four by each warp at a time. 256 threads.
template <int kN>
__device__ inline void transpose_slice(const unsigned char* from, unsigned char* to) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  for (int job = warp; job < kN / 8 * 2; job += 8) {
    const int column = job / 2 * 8;     // of the four blocks
    const int k = job % 2 * 32 + lane;  // of the row this lane points to: 4 blocks deep
    const int atom = column / 64 * 8192, chunk = column % 64 / 8;
    std::uint32_t blocks[4];
    load_matrix_x4_transposed(blocks, shared_address(from + atom + k * 128 + (chunk ^ k % 8) * 16));
    const int row = column + lane % 8, part = job % 2 * 4 + lane / 8;
    store_matrix_x4(shared_address(to + row * 128 + (part ^ row % 8) * 16), blocks[0], blocks[1],
                    blocks[2], blocks[3]);
  }
}

template <class Type, int kN, int kStages, LayoutB kLayout>
__global__ void __launch_bounds__(WgmmaTile<Type, kN, kStages, kLayout>::kThreads, 1)
    wgmma_tiles(const __grid_constant__ CUtensorMap a_map,
                const __grid_constant__ CUtensorMap b_map, typename Type::Out* c, int m, int n,
                int k) {
  using Tile = WgmmaTile<Type, kN, kStages, kLayout>;
  extern __shared__ unsigned char dynamic_shared[];
  __shared__ Barrier full[kStages], empty[kStages];
  // The swizzle repeats every 1024 bytes.
  unsigned char* const shared =
      dynamic_shared + (1024 - shared_address(dynamic_shared) % 1024) % 1024;
  unsigned char* const a_at = shared;
  unsigned char* const b_at = shared + kStages * Tile::kBytesA;
  unsigned char* const scratch = b_at + kStages * Tile::kBytesB;
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages; ++s) {
      barrier_init(&full[s], 1);
      barrier_init(&empty[s], 2);  // one thread of each warpgroup
    }
    barrier_init_fence();
  }
  __syncthreads();
  // Bands of 8 tiles down, so that 132 blocks share about 8 x 16 slices of A and B in L2.
  constexpr int kBand = 8;
  const int tiles_m = (m + Tile::kM - 1) / Tile::kM, tiles_n = (n + kN - 1) / kN;
  const int band = blockIdx.x / (kBand * tiles_n), height = min(kBand, tiles_m - band * kBand);
  const int within = blockIdx.x - band * kBand * tiles_n;
  const int row = (band * kBand + within % height) * Tile::kM, column = within / height * kN;
  const int steps = (k + Tile::kDepth - 1) / Tile::kDepth;
  RingPosition<kStages> at;

  if (threadIdx.x >= 256) {
    if (threadIdx.x != 256) return;
    for (int step = 0; step < steps; ++step, at.advance()) {
      barrier_wait(&empty[at.stage], at.parity ^ 1);
      barrier_arrive_expect(&full[at.stage], Tile::kBytesA + Tile::kBytesB);
      tma_load(a_at + at.stage * Tile::kBytesA, a_map, &full[at.stage], step * Tile::kDepth, row);
      unsigned char* const to = b_at + at.stage * Tile::kBytesB;
      if constexpr (kLayout == LayoutB::kColumns) {
        for (int half = 0; half < kN / 128; ++half) {
          tma_load(to + half * 128 * 128, b_map, &full[at.stage], step * Tile::kDepth,
                   column + half * 128);
        }
      } else {
        for (int atom = 0; atom < kN / 64; ++atom) {
          tma_load(to + atom * 8192, b_map, &full[at.stage], column + atom * 64,
                   step * Tile::kDepth);
        }
      }
    }
    return;
  }

  const int group = threadIdx.x / 128;
  float d[kN / 128][64];
  int before = 0;
  for (int step = 0; step < steps; ++step, at.advance()) {
    barrier_wait(&full[at.stage], at.parity);
    const unsigned char* b_slice = b_at + at.stage * Tile::kBytesB;
    if constexpr (Tile::kScratch) {
      if (step > 0) wgmma_wait<0>();
      named_sync(1, 256);  // both warpgroups have read what the slice before left
      transpose_slice<kN>(b_slice, scratch);
      fence_async_shared();
      named_sync(1, 256);
      b_slice = scratch;
    }
    const std::uint64_t a =
        matrix_descriptor(a_at + at.stage * Tile::kBytesA + group * 64 * 128, Swizzle::k128, 1024);
    constexpr bool kRows = kLayout == LayoutB::kRows;
    const std::uint64_t b = matrix_descriptor(b_slice, Swizzle::k128, 1024, kRows ? 8192 : 16);
    wgmma_fence();
#pragma unroll
    for (int piece = 0; piece < 4; ++piece) {  // 32 bytes of K each
#pragma unroll
      for (int half = 0; half < kN / 128; ++half) {
        Type::template multiply<kRows>(
            d[half], descriptor_plus(a, piece * 32),
            descriptor_plus(b, half * 16384 + piece * (kRows ? 2048 : 32)), step > 0 || piece > 0);
      }
    }
    wgmma_commit();
    if constexpr (kStages == 1) {
      wgmma_wait<0>();
      if (threadIdx.x % 128 == 0) barrier_arrive(&empty[at.stage]);
    } else {
      wgmma_wait<1>();  // the slice before this one has been read
      if (step > 0 && threadIdx.x % 128 == 0) barrier_arrive(&empty[before]);
      before = at.stage;
    }
  }
  wgmma_wait<0>();
#pragma unroll
  for (int half = 0; half < kN / 128; ++half) pin_registers(d[half]);

  const int lane = threadIdx.x % 32;
  const int first = row + group * 64 + threadIdx.x % 128 / 32 * 16 + lane / 4;
#pragma unroll
  for (int half = 0; half < kN / 128; ++half) {
#pragma unroll
    for (int i = 0; i < 32; ++i) {
      const int r = first + i % 2 * 8, q = column + half * 128 + i / 2 * 8 + lane % 4 * 2;
      if (r >= m || q >= n) continue;
      typename Type::Out* const to = c + static_cast<std::int64_t>(r) * n + q;
      const float x = d[half][i / 2 * 4 + i % 2 * 2], y = d[half][i / 2 * 4 + i % 2 * 2 + 1];
      if (n % 2 == 0) {
        Type::store_two(to, x, y);
      } else {
        Type::store(to, x);
        if (q + 1 < n) Type::store(to + 1, y);
      }
    }
  }
}

/// Enqueues the product. A[M,K] row-major, B as kLayout says; their rows must be multiples of 16
/// bytes (the copy engine's rule), M and N are free. Throws Error when the driver refuses.
template <class Type, int kN, int kStages, LayoutB kLayout>
void launch_wgmma_tiles(const typename Type::In* a, const typename Type::In* b,
                        typename Type::Out* c, std::int64_t m, std::int64_t n, std::int64_t k,
                        machine::CudaStream stream) {
  using Tile = WgmmaTile<Type, kN, kStages, kLayout>;
  constexpr std::int64_t kSize = sizeof(typename Type::In);
  const CUtensorMap a_map =
      make_tensor_map(rows_of(a, Type::kElement, m, k, k * kSize, Tile::kM, Tile::kDepth));
  const CUtensorMap b_map = make_tensor_map(
      kLayout == LayoutB::kColumns ? rows_of(b, Type::kElement, n, k, k * kSize, 128, Tile::kDepth)
                                   : rows_of(b, Type::kElement, k, n, n * kSize, Tile::kDepth, 64));
  const auto kernel = wgmma_tiles<Type, kN, kStages, kLayout>;
  AISP_CUDA(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Tile::kShared));
  const std::int64_t tiles = ((m + Tile::kM - 1) / Tile::kM) * ((n + kN - 1) / kN);
  kernel<<<static_cast<unsigned>(tiles), Tile::kThreads, Tile::kShared, stream>>>(
      a_map, b_map, c, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k));
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::kernels::cuda
