// Products with packed weights on Hopper: one thread asks the copy engine for units of weights (64
// rows x 128 of K with their scales, contiguous) and the tokens that meet them, and 8 or 12 warps
// multiply. A tile is one unit high or four; a team of as many warps takes a stage of it, the teams
// take turns along K. Low tiles let most shapes have blocks of whole tiles or of half ones: 8 x
// 8192 x 8192 at 4 bits took 16.2 us with tiles of two units. All tokens of a stage are one box,
// whose shape puts them in the order of the fragments (copies of 256 bytes a token took 71 us where
// memory needs 29; one H200, CUDA 13.0). Not quicker: half of shared memory, so that the next
// launch fits beside this one (its blocks then share multiprocessors unevenly); weights prefetched
// to L2 while others are read; tokens straight to registers. Every launch begins before the one
// ahead has ended, and until then asks for its first weights in L2: 8 x 4096 x 4096 at 4 bits took
// 8.06 us without, 7.25 with.
//
// Source: PTX ISA 9.0, 9.7.9.27 (cp.async.bulk), 9.7.13.15 (mbarrier).
#include <type_traits>

#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tma.cuh"
#include "kernels/gemv_quantized_cuda/formats.cuh"

namespace aisp::kernels::gemv_quantized_cuda {
namespace {

/// Sizes of one instantiation.
template <class Weights, int kTokenTiles, int kRowWarps_>
struct Bulk {
  static constexpr int kRowWarps = kRowWarps_, kWarps = bulk_warps(Weights::kBits, kTokenTiles);
  static constexpr int kTeams = kWarps / kRowWarps;
  static constexpr int kTokenAt = (kRowWarps * Weights::kUnitBytes + 127) / 128 * 128;
  static constexpr int kSubs = kUnitK / 32;
  static constexpr int kStageBytes = kTokenAt + kSubs * kTokenTiles * 8 * 64;
  static constexpr int kSumBytes = kWarps * Weights::kRowTiles * kTokenTiles * 64 * 8;
  // A multiple of the teams: a stage is then always the same team's, who knows its phase.
  static constexpr int kStages =
      ((226 << 10) - 1024 - kSumBytes) / (kStageBytes + 16) / kTeams * kTeams;
  static constexpr int kSharedBytes = kStages * (kStageBytes + 16) + kSumBytes;
  static_assert(kStages >= kTeams && kStageBytes % 128 == 0);
};

/// The copying thread.
template <class Weights, class B>
__device__ inline void fill_ring(const StreamArguments& p, const CUtensorMap& tokens, char* ring,
                                 cuda::Barrier* full, cuda::Barrier* empty, bool constant_weights) {
  const int begin = p.split.begin(blockIdx.x), count = p.split.begin(blockIdx.x + 1) - begin;
  const int last_tile = static_cast<int>((p.out.n + kUnitRows - 1) / kUnitRows) - 1;
  const int token_bytes = B::kSubs * static_cast<int>(p.out.m) * 64;
  const auto unit = [&](const gemm_skinny_cuda::UnitWalk& at, int i) {
    const int tile = at.tile * B::kRowWarps + i;
    return Weights::unit_of(p, tile < last_tile ? tile : last_tile, at.unit);
  };
  const auto copy_weights = [&](int stage, const gemm_skinny_cuda::UnitWalk& at) {
    cuda::barrier_arrive_expect(&full[stage], B::kRowWarps * Weights::kUnitBytes + token_bytes);
#pragma unroll
    for (int i = 0; i < B::kRowWarps; ++i) {
      cuda::bulk_load(ring + stage * B::kStageBytes + i * Weights::kUnitBytes, unit(at, i),
                      Weights::kUnitBytes, &full[stage]);
    }
  };
  const auto copy_tokens = [&](int stage, int unit) {
    cuda::tma_load(ring + stage * B::kStageBytes + B::kTokenAt, tokens, &full[stage], 0, 0,
                   unit * B::kSubs);
  };
  const int first = count < B::kStages ? count : B::kStages;
  gemm_skinny_cuda::UnitWalk at(p.split, begin), tokens_at = at;
  if (!constant_weights) {
    gemm_skinny_cuda::UnitWalk asked = at;
    for (int i = 0; i < first; ++i, asked.advance(p.split, 1)) {
#pragma unroll
      for (int j = 0; j < B::kRowWarps; ++j) {
        cuda::bulk_prefetch(unit(asked, j), Weights::kUnitBytes);
      }
    }
    cuda::wait_for_launches_before();
  }
  for (int i = 0; i < first; ++i, at.advance(p.split, 1)) copy_weights(i, at);
  if (constant_weights) cuda::wait_for_launches_before();
  for (int i = 0; i < first; ++i, tokens_at.advance(p.split, 1)) copy_tokens(i, tokens_at.unit);
  cuda::RingPosition<B::kStages> position;
  for (int i = first; i < count; ++i, at.advance(p.split, 1), position.advance()) {
    cuda::barrier_wait(&empty[position.stage], position.parity);
    copy_weights(position.stage, at);
    copy_tokens(position.stage, at.unit);
  }
}

template <class Weights, int kTokenTiles, int kRowWarps>
__global__ void __launch_bounds__(32 * (bulk_warps(Weights::kBits, kTokenTiles) + 1), 1)
    bulk_product(const StreamArguments p, const __grid_constant__ CUtensorMap token_map,
                 const bool constant_weights) {
  using B = Bulk<Weights, kTokenTiles, kRowWarps>;
  extern __shared__ __align__(128) char ring[];
  auto* sums_of_warps = reinterpret_cast<float2*>(ring + B::kStages * B::kStageBytes);
  auto* full = reinterpret_cast<cuda::Barrier*>(ring + B::kStages * B::kStageBytes + B::kSumBytes);
  auto* empty = full + B::kStages;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (threadIdx.x == 32) cuda::tma_prefetch_map(token_map);
  if (threadIdx.x == 0) {
    for (int i = 0; i < B::kStages; ++i) {
      cuda::barrier_init(&full[i], 1);
      cuda::barrier_init(&empty[i], kRowWarps);
    }
    cuda::barrier_init_fence();
  }
  __syncthreads();
  cuda::let_next_launch_begin();
  if (warp == B::kWarps) {
    if (cuda::elect_one()) fill_ring<Weights, B>(p, token_map, ring, full, empty, constant_weights);
    return;
  }
  cuda::wait_for_launches_before();  // the workspace and the residual are theirs until then
  const int begin = p.split.begin(blockIdx.x), end = p.split.begin(blockIdx.x + 1);
  const int team = warp / kRowWarps, part = warp % kRowWarps;
  // A lane's 16 bytes of its token; the last token stands in for those beyond.
  const int tokens = static_cast<int>(p.out.m);
  int token_at[kTokenTiles];
#pragma unroll
  for (int i = 0; i < kTokenTiles; ++i) {
    token_at[i] = B::kTokenAt + min(8 * i + lane / 4, tokens - 1) * 64 + lane % 4 * 16;
  }
  gemm_skinny_cuda::UnitWalk at(p.split, begin + team);
  int next = begin + team, stage = team, parity = 0;
  for (int tile = begin / p.split.units; tile <= (end - 1) / p.split.units; ++tile) {
    float sums[Weights::kRowTiles][kTokenTiles][4] = {};
    for (; next < end && at.tile == tile; next += B::kTeams, at.advance(p.split, B::kTeams)) {
      cuda::barrier_wait(&full[stage], parity);
      const char* here = ring + stage * B::kStageBytes;
      uint4 fragments[kTokenTiles][B::kSubs];
#pragma unroll
      for (int i = 0; i < kTokenTiles * B::kSubs; ++i) {
        fragments[i / B::kSubs][i % B::kSubs] = *reinterpret_cast<const uint4*>(
            here + token_at[i / B::kSubs] + i % B::kSubs * tokens * 64);
      }
      Weights::multiply(here + part * Weights::kUnitBytes, fragments, lane, sums);
      __syncwarp();
      if (lane == 0) cuda::barrier_arrive(&empty[stage]);
      stage += B::kTeams;
      if (stage >= B::kStages) stage -= B::kStages, parity ^= 1;
    }
    gemm_skinny_cuda::finish_tile<Weights::kRowTiles, kTokenTiles, kRowWarps, B::kTeams>(
        p, tile, sums_of_warps, sums);
  }
}

/// Tokens as (32 of K, token, which 32): a box lies in shared memory in the order of the fragments,
/// 64 bytes a token, so that a quarter of a warp reads 128 bytes in a row.
CUtensorMap token_map(const Request& request) {
  const Shape& shape = request.shape;
  cuda::TensorMapSpec spec;
  spec.data = request.a;
  spec.rank = 3;
  spec.sizes = {32, static_cast<std::uint64_t>(shape.m), static_cast<std::uint64_t>(shape.k / 32)};
  spec.strides = {0, static_cast<std::uint64_t>(2 * shape.k), 64};
  spec.box = {32, static_cast<std::uint32_t>(shape.m), kUnitK / 32};
  spec.swizzle = cuda::MapSwizzle::kNone;
  return cuda::make_tensor_map(spec);
}

template <class Weights, int kTokenTiles, int kRowWarps>
void launch_bulk(const Request& request, const Config& config) {
  using B = Bulk<Weights, kTokenTiles, kRowWarps>;
  const auto kernel = bulk_product<Weights, kTokenTiles, kRowWarps>;
  static const bool told = [&] {
    AISP_CUDA(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, B::kSharedBytes));
    return true;
  }();
  static_cast<void>(told);
  cuda::launch(kernel,
               {.blocks = config.blocks,
                .threads = 32 * (B::kWarps + 1),
                .shared_bytes = B::kSharedBytes,
                .overlap = true,
                .stream = request.stream},
               arguments_of<Weights>(request, config), token_map(request),
               request.constant_weights);
}

}  // namespace

void run_bulk(const Request& request, const Config& config) {
  with_format(request.format, [&]<class Weights>(Weights) {
    const auto with_rows = [&]<int kRowWarps>(std::integral_constant<int, kRowWarps>) {
      if (config.token_tiles == 1) {
        launch_bulk<Weights, 1, kRowWarps>(request, config);
      } else {
        launch_bulk<Weights, 2, kRowWarps>(request, config);
      }
    };
    if constexpr (Weights::kBits == 4) {
      if (config.tile_rows > kUnitRows) {
        return with_rows(std::integral_constant<int, kWideRowWarps>());
      }
    }
    with_rows(std::integral_constant<int, 1>());
  });
}

}  // namespace aisp::kernels::gemv_quantized_cuda
