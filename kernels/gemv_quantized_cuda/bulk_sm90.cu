// Products with packed weights on Hopper: one thread asks the copy engine for units of weights (64
// rows x 128 of K with their scales, contiguous) and the tokens that meet them, and 8 warps
// multiply. Two units side by side are a tile; a team of two warps takes a stage of them, the teams
// take turns along K. Each request costs its thread some 30 ns, while memory brings 1 KB: so a
// stage is 16 KB of weights in two copies, and all its tokens are one box, whose shape puts them in
// the order of the fragments (copies of 256 bytes a token took 71 us where memory needs 29; one
// H200, CUDA 13.0).
//
// Source: PTX ISA 9.0, 9.7.9.27 (cp.async.bulk), 9.7.13.15 (mbarrier).
#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tma.cuh"
#include "kernels/gemv_quantized_cuda/formats.cuh"

namespace aisp::kernels::gemv_quantized_cuda {
namespace {

/// Sizes of one instantiation.
template <class Weights, int kTokenTiles>
struct Bulk {
  static constexpr int kSteps = bulk_steps(Weights::kBits);  // units along K in a stage
  static constexpr int kWarps = kBulkRowWarps * kBulkTeams;
  static constexpr int kRowBytes = kSteps * Weights::kUnitBytes;  // of 64 rows
  static constexpr int kTokenAt = kBulkRowWarps * kRowBytes;
  static constexpr int kSubBytes = kTokenTiles * 8 * 64;  // tokens of 32 of K
  static constexpr int kStageBytes = kTokenAt + kSteps * 4 * kSubBytes;
  static constexpr int kSumBytes = kWarps * Weights::kRowTiles * kTokenTiles * 64 * 8;
  // A multiple of the teams: a stage is then always the same team's, who knows its phase.
  static constexpr int kStages =
      ((226 << 10) - 1024 - kSumBytes) / (kStageBytes + 16) / kBulkTeams * kBulkTeams;
  static constexpr int kSharedBytes = kStages * (kStageBytes + 16) + kSumBytes;
  static_assert(kStages >= kBulkTeams && kTokenAt % 128 == 0 && kStageBytes % 128 == 0);
};

/// The copying thread.
template <class Weights, class B>
__device__ inline void fill_ring(const StreamArguments& p, const CUtensorMap& tokens, char* ring,
                                 cuda::Barrier* full, cuda::Barrier* empty) {
  const int begin = p.split.begin(blockIdx.x), count = p.split.begin(blockIdx.x + 1) - begin;
  const int units = Weights::units_of(p);
  const int last_tile = static_cast<int>((p.out.n + kUnitRows - 1) / kUnitRows) - 1;
  const auto copy_weights = [&](int stage, const gemm_skinny_cuda::UnitWalk& at) {
    const int unit = at.unit * B::kSteps;
    const int left = units - unit < B::kSteps ? units - unit : B::kSteps;
    const int bytes = left * Weights::kUnitBytes;
    cuda::barrier_arrive_expect(&full[stage], kBulkRowWarps * bytes + B::kStageBytes - B::kTokenAt);
#pragma unroll
    for (int i = 0; i < kBulkRowWarps; ++i) {
      const int tile = at.tile * kBulkRowWarps + i;
      cuda::bulk_load(ring + stage * B::kStageBytes + i * B::kRowBytes,
                      Weights::unit_of(p, tile < last_tile ? tile : last_tile, unit), bytes,
                      &full[stage]);
    }
  };
  const auto copy_tokens = [&](int stage, int unit) {
    cuda::tma_load(ring + stage * B::kStageBytes + B::kTokenAt, tokens, &full[stage], 0, 0,
                   unit * B::kSteps * 4);
  };
  const int first = count < B::kStages ? count : B::kStages;
  gemm_skinny_cuda::UnitWalk at(p.split, begin), tokens_at = at;
  for (int i = 0; i < first; ++i, at.advance(p.split, 1)) copy_weights(i, at);
  cuda::wait_for_launches_before();
  for (int i = 0; i < first; ++i, tokens_at.advance(p.split, 1)) copy_tokens(i, tokens_at.unit);
  cuda::RingPosition<B::kStages> position;
  for (int i = first; i < count; ++i, at.advance(p.split, 1), position.advance()) {
    cuda::barrier_wait(&empty[position.stage], position.parity);
    copy_weights(position.stage, at);
    copy_tokens(position.stage, at.unit);
  }
}

template <class Weights, int kTokenTiles>
__global__ void __launch_bounds__(32 * (kBulkRowWarps * kBulkTeams + 1), 1)
    bulk_product(const StreamArguments p, const __grid_constant__ CUtensorMap token_map) {
  using B = Bulk<Weights, kTokenTiles>;
  extern __shared__ __align__(128) char ring[];
  auto* sums_of_warps = reinterpret_cast<float2*>(ring + B::kStages * B::kStageBytes);
  auto* full = reinterpret_cast<cuda::Barrier*>(ring + B::kStages * B::kStageBytes + B::kSumBytes);
  auto* empty = full + B::kStages;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (threadIdx.x == 32) cuda::tma_prefetch_map(token_map);
  if (threadIdx.x == 0) {
    for (int i = 0; i < B::kStages; ++i) {
      cuda::barrier_init(&full[i], 1);
      cuda::barrier_init(&empty[i], kBulkRowWarps);
    }
    cuda::barrier_init_fence();
  }
  __syncthreads();
  cuda::let_next_launch_begin();
  if (warp == B::kWarps) {
    if (cuda::elect_one()) fill_ring<Weights, B>(p, token_map, ring, full, empty);
    return;
  }
  cuda::wait_for_launches_before();  // the workspace and the residual are theirs until then
  const int begin = p.split.begin(blockIdx.x), end = p.split.begin(blockIdx.x + 1);
  const int team = warp / kBulkRowWarps, part = warp % kBulkRowWarps, units = Weights::units_of(p);
  gemm_skinny_cuda::UnitWalk at(p.split, begin + team);
  int next = begin + team, stage = team, parity = 0;
  for (int tile = begin / p.split.units; tile <= (end - 1) / p.split.units; ++tile) {
    float sums[Weights::kRowTiles][kTokenTiles][4] = {};
    for (; next < end && at.tile == tile; next += kBulkTeams, at.advance(p.split, kBulkTeams)) {
      cuda::barrier_wait(&full[stage], parity);
      const char* here = ring + stage * B::kStageBytes;
      const char* weights = here + part * B::kRowBytes;
      const char* its_tokens = here + B::kTokenAt + lane * 16;
#pragma unroll 1
      for (int step = 0; step < B::kSteps && at.unit * B::kSteps + step < units; ++step) {
        uint4 tokens[kTokenTiles][4];
#pragma unroll
        for (int i = 0; i < kTokenTiles * 4; ++i) {
          tokens[i / 4][i % 4] = *reinterpret_cast<const uint4*>(
              its_tokens + (step * 4 + i % 4) * B::kSubBytes + i / 4 * 512);
        }
        Weights::multiply(weights + step * Weights::kUnitBytes, tokens, lane, sums);
      }
      __syncwarp();
      if (lane == 0) cuda::barrier_arrive(&empty[stage]);
      stage += kBulkTeams;
      if (stage >= B::kStages) stage -= B::kStages, parity ^= 1;
    }
    gemm_skinny_cuda::finish_tile<Weights::kRowTiles, kTokenTiles, kBulkRowWarps, kBulkTeams>(
        p, tile, sums_of_warps, sums);
  }
}

/// Tokens as (32 of K, token, which 32): a box lies in shared memory in the order of the fragments,
/// 64 bytes a token, so that a quarter of a warp reads 128 bytes in a row.
CUtensorMap token_map(const Request& request, int steps, int token_tiles) {
  const Shape& shape = request.shape;
  cuda::TensorMapSpec spec;
  spec.data = request.a;
  spec.rank = 3;
  spec.sizes = {32, static_cast<std::uint64_t>(shape.m), static_cast<std::uint64_t>(shape.k / 32)};
  spec.strides = {0, static_cast<std::uint64_t>(2 * shape.k), 64};
  spec.box = {32, static_cast<std::uint32_t>(8 * token_tiles),
              static_cast<std::uint32_t>(4 * steps)};
  spec.swizzle = cuda::MapSwizzle::kNone;
  return cuda::make_tensor_map(spec);
}

template <class Weights, int kTokenTiles>
void launch_bulk(const Request& request, const Config& config) {
  using B = Bulk<Weights, kTokenTiles>;
  const auto kernel = bulk_product<Weights, kTokenTiles>;
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
                .overlap = request.constant_weights,
                .stream = request.stream},
               arguments_of<Weights>(request, config), token_map(request, B::kSteps, kTokenTiles));
}

}  // namespace

void run_bulk(const Request& request, const Config& config) {
  with_format(request.format, [&]<class Weights>(Weights) {
    if (config.token_tiles == 1) {
      launch_bulk<Weights, 1>(request, config);
    } else {
      launch_bulk<Weights, 2>(request, config);
    }
  });
}

}  // namespace aisp::kernels::gemv_quantized_cuda
