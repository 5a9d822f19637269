// What the techniques of this lab share: a slice in shared memory, its product, the tile's way out.
// Include from *_sm90.cu.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "base/dtype.h"
#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/mbarrier.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tma.cuh"
#include "kernels/cuda/warpgroup.cuh"
#include "kernels/cuda/wgmma.cuh"
#include "labs/ch10_pipelines/warp_specialized/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch10::warp_specialized {

using namespace kernels::cuda;

inline constexpr int kTile = 128;  // rows and columns of C a tile
inline constexpr int kDepth = 64;  // of K a slice: 128 bytes, the width of the swizzle
inline constexpr int kStages = 4;  // 4 x 32 KB: what hides 1 us of latency at 30 KB/us and SM
inline constexpr int kOperandBytes = kTile * kDepth * 2;

/// Slices of A and B, rows of 128 bytes, swizzled by the copy engine.
struct Slice {
  unsigned char a[kOperandBytes], b[kOperandBytes];
};
inline constexpr int kSliceBytes = sizeof(Slice);

struct Product {
  bf16* c = nullptr;
  int m = 0, n = 0, k = 0;
};

/// The first slice on the boundary of 1024 bytes that the swizzle needs; ask for 1024 bytes more.
__device__ inline Slice* slices_in(unsigned char* shared) {
  return reinterpret_cast<Slice*>(shared + (1024 - shared_address(shared) % 1024) % 1024);
}

/// d (+)= rows [64 part, 64 part + 64) of the slice of A times that of B; committed, not waited
/// for.
__device__ inline void multiply(float (&d)[64], const Slice& slice, int part, bool add) {
  const std::uint64_t a = matrix_descriptor(slice.a + part * 64 * 128, Swizzle::k128, 1024);
  const std::uint64_t b = matrix_descriptor(slice.b, Swizzle::k128, 1024);
#pragma unroll
  for (int piece = 0; piece < 4; ++piece) {  // 32 bytes of K each
    wgmma_bf16<128>(d, descriptor_plus(a, piece * 32), descriptor_plus(b, piece * 32),
                    add || piece > 0);
  }
}

/// A warpgroup's 64 x 128 sums to C, whose first element of the tile part is (row, column).
__device__ inline void store(const Product& p, float (&d)[64], int row, int column) {
  const int lane = threadIdx.x % 32;
  const int first = row + threadIdx.x % 128 / 32 * 16 + lane / 4;
#pragma unroll
  for (int i = 0; i < 32; ++i) {
    const int r = first + i % 2 * 8, q = column + i / 2 * 8 + lane % 4 * 2;
    if (r >= p.m || q >= p.n) continue;  // N is even: pairs are whole
    *reinterpret_cast<std::uint32_t*>(p.c + static_cast<std::int64_t>(r) * p.n + q) =
        pack_bf16(d[i / 2 * 4 + i % 2 * 2], d[i / 2 * 4 + i % 2 * 2 + 1]);
  }
}

/// The tile of place `index`, kHeight rows high: bands of 1024 rows, so that the blocks of a time
/// share slices in L2.
struct TileAt {
  int row, column;
};
template <int kHeight = kTile>
__device__ inline TileAt tile_at(const Product& p, int index) {
  constexpr int kBand = 1024 / kHeight;
  const int tiles_m = (p.m + kHeight - 1) / kHeight, tiles_n = (p.n + kTile - 1) / kTile;
  const int band = index / (kBand * tiles_n), height = min(kBand, tiles_m - band * kBand);
  const int within = index - band * kBand * tiles_n;
  return {(band * kBand + within % height) * kHeight, within / height * kTile};
}

struct Launch {
  CUtensorMap a, b;
  Product product;
  unsigned tiles = 0;
};

/// Maps and sizes of one call; rows of `b_rows` rows of B a box.
inline Launch launch_of(const bench::Params& p, const bench::Io& io, int b_rows = kTile) {
  const auto m = p["M"], n = p["N"], k = p["K"];
  const auto tiles = ((m + kTile - 1) / kTile) * ((n + kTile - 1) / kTile);
  return {make_tensor_map(
              rows_of(io.in<bf16>(0).data(), MapElement::kBF16, m, k, 2 * k, kTile, kDepth)),
          make_tensor_map(
              rows_of(io.in<bf16>(1).data(), MapElement::kBF16, n, k, 2 * k, b_rows, kDepth)),
          {io.out<bf16>(0).data(), static_cast<int>(m), static_cast<int>(n), static_cast<int>(k)},
          static_cast<unsigned>(tiles)};
}

/// Shared memory beyond 48 KB must be asked for, once for each kernel.
template <class Kernel>
int allow_shared(Kernel kernel, int stages) {
  const int bytes = stages * kSliceBytes + 1024;
  AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  return bytes;
}

}  // namespace aisp::labs::ch10::warp_specialized
