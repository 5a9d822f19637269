// The tile of wgmma_tma: one producer warp keeps a ring of A and B tiles in shared memory filled by
// the copy engine; two warpgroups multiply 64 rows each out of it; each of their warps then puts
// its 16 rows through the epilogue and two small buffers to global memory, while the producer is
// already loading the next tile. Blocks are persistent and walk the tiles in groups that share rows
// of A and B in L2; the two blocks of a cluster share B: each loads half of it for both.
//
// Source: CUTLASS 3 (sm90 warp-specialised persistent kernels); DeepGEMM (two-level sums of e4m3).
#pragma once

#include "kernels/cuda/cluster.cuh"
#include "kernels/cuda/mbarrier.cuh"
#include "kernels/cuda/tma.cuh"
#include "kernels/cuda/warpgroup.cuh"
#include "kernels/cuda/wgmma.cuh"
#include "kernels/gemm_cuda/epilogue.cuh"

namespace aisp::kernels::gemm_cuda {

namespace c = ::aisp::kernels::cuda;

constexpr int kTileM = 128;
constexpr int kRowBytes = 128;  // of K in a stage: the widest swizzle; 64 bf16 or 128 e4m3
constexpr int kConsumerWarps = 8;
constexpr int kThreads = 384;
// 40 + 2 x 232 of the 512 registers that three warpgroups have for each lane position. A consumer
// needs 128 (192 when promoting) for sums.
constexpr int kProducerRegisters = 40, kConsumerRegisters = 232;

template <Input kInput_, Output kOutput_, int kTileN_, bool kGated_, bool kPromote_>
struct Tile {
  static constexpr Input kInput = kInput_;
  static constexpr Output kOutput = kOutput_;
  static constexpr int kTileN = kTileN_;
  static constexpr bool kGated = kGated_;
  static constexpr bool kPromote = kPromote_;
  static constexpr int kElementBytes = kInput == Input::kBF16 ? 2 : 1;
  static constexpr int kK = kRowBytes / kElementBytes;
  static constexpr int kBytesA = kTileM * kRowBytes, kBytesB = kTileN * kRowBytes;
  // What 227 KiB leave beside the 32 KiB of the epilogue: 4 stages of 48 KiB, 6 of 32.
  static constexpr int kStages = kTileN == 256 ? 4 : 6;
  static constexpr int kColumns = kGated ? kTileN / 2 : kTileN;  // of C
};

template <class T>
struct Shared {
  unsigned char a[T::kStages][T::kBytesA];
  unsigned char b[T::kStages][T::kBytesB];
  unsigned char out[kConsumerWarps][2][kChunkBytes];
  c::Barrier full[T::kStages], empty[T::kStages], residual[kConsumerWarps][2];
};

/// Tiles of C in the order in which clusters take them.
struct Walk {
  int tiles_m, tiles_n, group;  // row tiles of clusters, column tiles, row tiles in a group
  __device__ int count() const { return tiles_m * tiles_n; }
  __device__ void at(int index, int& m, int& n) const {
    const int in_group = group * tiles_n;
    const int first = index / in_group * group, rest = index % in_group;
    const int rows = min(tiles_m - first, group);
    m = first + rest % rows;
    n = rest / rows;
  }
};

struct Arguments {
  CUtensorMap a, b, c, residual;
  Walk walk;
  int cluster;  // blocks of one: 1 or 2
  int k_blocks;
  int up_row;  // gated: the first up row of B
  Epilogue epilogue;
};

/// Which block this is: of a cluster, and that of how many.
struct Place {
  int cluster, clusters, rank;
};

template <class T>
__device__ void produce(const Arguments& arguments, Shared<T>& shared, const Place& place) {
  c::RingPosition<T::kStages> at;
  constexpr int kHalf = T::kTileN / 2;
  for (int tile = place.cluster; tile < arguments.walk.count(); tile += place.clusters) {
    int m, n;
    arguments.walk.at(tile, m, n);
    const int row = (m * arguments.cluster + place.rank) * kTileM;
    const int first = n * T::kColumns;
    const int second = T::kGated ? arguments.up_row + first : first + kHalf;
    for (int k = 0; k < arguments.k_blocks; ++k, at.advance()) {
      c::Barrier* full = &shared.full[at.stage];
      unsigned char* b = shared.b[at.stage];
      c::barrier_wait(&shared.empty[at.stage], at.parity ^ 1U);
      c::barrier_arrive_expect(full, T::kBytesA + T::kBytesB);
      if (arguments.cluster == 1) {
        c::tma_load(b, arguments.b, full, k * T::kK, first);
        c::tma_load(b + T::kBytesB / 2, arguments.b, full, k * T::kK, second);
      } else {
        c::tma_load_multicast(b + place.rank * (T::kBytesB / 2), arguments.b, full, k * T::kK,
                              place.rank == 0 ? first : second, 3);
      }
      c::tma_load(shared.a[at.stage], arguments.a, full, k * T::kK, row);
    }
  }
}

/// One stage has been read: its producers, one for each block of the cluster, may overwrite it.
__device__ inline void release(c::Barrier* empty, int lane, int cluster) {
  if (lane < cluster) c::barrier_arrive_at(empty, lane);
}

template <Input kInput, int kN>
__device__ void multiply(float (&d)[kN / 2], std::uint64_t a, std::uint64_t b, bool accumulate) {
#pragma unroll
  for (int step = 0; step < kRowBytes / 32; ++step) {  // 32 bytes of K: 16 bf16 or 32 e4m3
    const auto a_step = c::descriptor_plus(a, 32 * step), b_step = c::descriptor_plus(b, 32 * step);
    const bool add = accumulate || step > 0;
    if constexpr (kInput == Input::kBF16) {
      c::wgmma_bf16<kN>(d, a_step, b_step, add);
    } else {
      c::wgmma_e4m3<kN>(d, a_step, b_step, add);
    }
  }
}

/// d = the sums of one tile. One stage's instructions stay in flight while the next are issued.
template <class T>
__device__ void sum_in_instruction(const Arguments& arguments, Shared<T>& shared,
                                   c::RingPosition<T::kStages>& at, int a_offset, int lane,
                                   float (&d)[T::kTileN / 2]) {
  int previous = 0;
  for (int k = 0; k < arguments.k_blocks; ++k, at.advance()) {
    c::barrier_wait(&shared.full[at.stage], at.parity);
    const auto a = c::matrix_descriptor(shared.a[at.stage] + a_offset, c::Swizzle::k128, 1024);
    const auto b = c::matrix_descriptor(shared.b[at.stage], c::Swizzle::k128, 1024);
    c::pin_registers(d);
    c::wgmma_fence();
    multiply<T::kInput, T::kTileN>(d, a, b, k > 0);
    c::wgmma_commit();
    c::pin_registers(d);
    c::wgmma_wait<1>();
    if (k > 0) release(&shared.empty[previous], lane, arguments.cluster);
    previous = at.stage;
  }
  c::wgmma_wait<0>();
  c::pin_registers(d);
  release(&shared.empty[previous], lane, arguments.cluster);
}

/// The same with each stage's 128 of K summed apart, half of the columns at a time (all of them
/// would need 256 registers), and added in f32 while the other warpgroup multiplies.
template <class T>
__device__ void sum_promoted(const Arguments& arguments, Shared<T>& shared,
                             c::RingPosition<T::kStages>& at, int a_offset, int lane,
                             float (&d)[T::kTileN / 2]) {
  constexpr int kPart = 128, kParts = T::kTileN / kPart;
#pragma unroll
  for (float& x : d) x = 0.0F;
  for (int k = 0; k < arguments.k_blocks; ++k, at.advance()) {
    c::barrier_wait(&shared.full[at.stage], at.parity);
    const auto a = c::matrix_descriptor(shared.a[at.stage] + a_offset, c::Swizzle::k128, 1024);
    const auto b = c::matrix_descriptor(shared.b[at.stage], c::Swizzle::k128, 1024);
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      float partial[kPart / 2];
      c::pin_registers(partial);
      c::wgmma_fence();
      multiply<T::kInput, kPart>(partial, a, c::descriptor_plus(b, part * kPart * kRowBytes),
                                 false);
      c::wgmma_commit();
      c::pin_registers(partial);
      c::wgmma_wait<0>();
      c::pin_registers(partial);
      if (part == kParts - 1) release(&shared.empty[at.stage], lane, arguments.cluster);
#pragma unroll
      for (int i = 0; i < kPart / 2; ++i) d[part * (kPart / 2) + i] += partial[i];
    }
  }
}

template <class T>
__device__ void consume(const Arguments& arguments, Shared<T>& shared, const Place& place, int warp,
                        int lane) {
  c::RingPosition<T::kStages> at;
  Stores<T> stores(arguments.c, arguments.residual, arguments.epilogue, shared.out[warp],
                   shared.residual[warp], lane);
  const int warpgroup = warp / 4;
  for (int tile = place.cluster; tile < arguments.walk.count(); tile += place.clusters) {
    int m, n;
    arguments.walk.at(tile, m, n);
    stores.begin((m * arguments.cluster + place.rank) * kTileM + 16 * warp, n * T::kColumns);
    float d[T::kTileN / 2];
    if constexpr (T::kPromote) {
      sum_promoted<T>(arguments, shared, at, warpgroup * 64 * kRowBytes, lane, d);
    } else {
      sum_in_instruction<T>(arguments, shared, at, warpgroup * 64 * kRowBytes, lane, d);
    }
    stores.store(d);
  }
  stores.end();
}

template <class T>
__global__ void __launch_bounds__(kThreads, 1)
    gemm_kernel(const __grid_constant__ Arguments arguments) {
  extern __shared__ __align__(1024) unsigned char raw[];
  auto& shared = *reinterpret_cast<Shared<T>*>(raw);
  const int warp = __shfl_sync(0xffffffffU, static_cast<int>(threadIdx.x) / 32, 0);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < T::kStages; ++stage) {
      c::barrier_init(&shared.full[stage], 1);
      c::barrier_init(&shared.empty[stage], kConsumerWarps * arguments.cluster);
    }
    for (auto& of_warp : shared.residual) {
      for (auto& barrier : of_warp) c::barrier_init(&barrier, 1);
    }
    c::barrier_init_fence();
  }
  c::cluster_sync();
  const int size = arguments.cluster;
  const Place place{static_cast<int>(blockIdx.x) / size, static_cast<int>(gridDim.x) / size,
                    static_cast<int>(c::cluster_rank())};
  if (warp >= kConsumerWarps) {
    c::registers_shrink_to<kProducerRegisters>();
    if (warp == kConsumerWarps && c::elect_one()) {
      produce<T>(arguments, shared, place);
    }
    __syncwarp();
  } else {
    c::registers_grow_to<kConsumerRegisters>();
    consume<T>(arguments, shared, place, warp, lane);
    __syncwarp();
  }
  // A neighbour may still arrive at our barriers.
  c::cluster_sync();
}

}  // namespace aisp::kernels::gemm_cuda
