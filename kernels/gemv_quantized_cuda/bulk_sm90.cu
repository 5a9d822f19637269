// Products with packed weights on Hopper: one warp asks the copy engine for units of weights (64
// rows x 128 of K with their scales, contiguous) and the tokens that meet them, and others
// multiply. Two units side by side are a tile; a team of two warps takes them, the teams take turns
// along K. The ring holds what half of shared memory has room for, so that the next product's block
// fits beside this one's and has its ring full when its turn comes.
//
// Source: PTX ISA 9.0, 9.7.9.27 (cp.async.bulk), 9.7.13.15 (mbarrier).
#include "kernels/cuda/tma.cuh"
#include "kernels/gemv_quantized_cuda/formats.cuh"

namespace aisp::kernels::gemv_quantized_cuda {
namespace {

/// Bytes from one token's 128 of K to the next one's in a stage: 64 more than they have, so that
/// the 8 lanes of a quarter of a warp's 16-byte loads (two tokens, four places) meet all banks.
constexpr int kTokenStride = 2 * kUnitK + 64;

template <class Weights, int kTokenTiles, int kRowWarps, int kTeams, bool kHalf>
struct BulkShape {
  static constexpr int kWarps = kRowWarps * kTeams;
  static constexpr int kTokenAt = kRowWarps * Weights::kUnitBytes;
  static constexpr int kStageBytes = kTokenAt + kTokenTiles * 8 * kTokenStride;
  static constexpr int kSumBytes = kWarps * Weights::kRowTiles * kTokenTiles * 64 * 8;
  static constexpr int kBudget = (kHalf ? 113 << 10 : 226 << 10) - 1024 - kSumBytes;
  // A multiple of the teams: a stage is then always the same team's, who knows its phase.
  static constexpr int kStages = kBudget / (kStageBytes + 16) / kTeams * kTeams;
  static constexpr int kSharedBytes = kStages * (kStageBytes + 16) + kSumBytes;
  static_assert(kStages >= kTeams && kStageBytes % 16 == 0);
};

/// The copying warp. Every lane has a part of a stage: lanes below kRowWarps a unit of weights,
/// lane i token i (16 at most).
template <class Weights, class S, int kRowWarps>
__device__ inline void fill_ring(const StreamArguments& p, char* ring, cuda::Barrier* full,
                                 cuda::Barrier* empty) {
  const int lane = threadIdx.x % 32;
  const int begin = p.split.begin(blockIdx.x), count = p.split.begin(blockIdx.x + 1) - begin;
  const int last_tile = static_cast<int>((p.out.n + kUnitRows - 1) / kUnitRows) - 1;
  const int m = static_cast<int>(p.out.m);
  gemm_skinny_cuda::UnitWalk at(p.split, begin);
  const auto token_bytes = [&](int unit) {
    const std::int64_t left = p.k - static_cast<std::int64_t>(unit) * kUnitK;
    return 2 * static_cast<int>(left < kUnitK ? left : kUnitK);
  };
  const auto copy_weights = [&](int stage, const gemm_skinny_cuda::UnitWalk& now) {
    if (lane == 0) {
      cuda::barrier_arrive_expect(&full[stage],
                                  kRowWarps * Weights::kUnitBytes + m * token_bytes(now.unit));
    }
    __syncwarp();
    if (lane < kRowWarps) {
      const int tile = now.tile * kRowWarps + lane;
      cuda::bulk_load(ring + stage * S::kStageBytes + lane * Weights::kUnitBytes,
                      Weights::unit_of(p, tile < last_tile ? tile : last_tile, now.unit),
                      Weights::kUnitBytes, &full[stage]);
    }
  };
  const auto copy_tokens = [&](int stage, int unit) {
    if (lane >= m) return;
    char* to = ring + stage * S::kStageBytes + S::kTokenAt + lane * kTokenStride;
    const int bytes = token_bytes(unit);
    cuda::bulk_load(to, p.a + lane * p.k + static_cast<std::int64_t>(unit) * kUnitK, bytes,
                    &full[stage]);
  };
  const int first = count < S::kStages ? count : S::kStages;
  gemm_skinny_cuda::UnitWalk tokens_at = at;
  for (int i = 0; i < first; ++i, at.advance(p.split, 1)) copy_weights(i, at);
  cuda::wait_for_launches_before();
  for (int i = 0; i < first; ++i, tokens_at.advance(p.split, 1)) copy_tokens(i, tokens_at.unit);
  cuda::RingPosition<S::kStages> position;
  for (int i = first; i < count; ++i, at.advance(p.split, 1), position.advance()) {
    cuda::barrier_wait(&empty[position.stage], position.parity);
    copy_weights(position.stage, at);
    copy_tokens(position.stage, at.unit);
  }
}

/// The lane's 16 bytes for each 32 of K; zeros beyond the end of K.
template <int kTokenTiles>
__device__ inline void load_tokens(const char* stage_tokens, int left_k, int lane,
                                   uint4 (&tokens)[kTokenTiles][4]) {
#pragma unroll
  for (int i = 0; i < kTokenTiles * 4; ++i) {
    const int k = 32 * (i % 4) + 8 * (lane % 4);
    tokens[i / 4][i % 4] = *reinterpret_cast<const uint4*>(
        stage_tokens + (i / 4 * 8 + lane / 4) * kTokenStride + 2 * k);
    if (k >= left_k) tokens[i / 4][i % 4] = {0, 0, 0, 0};
  }
}

template <class Weights, int kTokenTiles, int kRowWarps, int kTeams, bool kHalf>
__global__ void __launch_bounds__(32 * (kRowWarps * kTeams + 1), 1)
    bulk_product(const StreamArguments p) {
  using S = BulkShape<Weights, kTokenTiles, kRowWarps, kTeams, kHalf>;
  extern __shared__ __align__(128) char ring[];
  auto* sums_of_warps = reinterpret_cast<float2*>(ring + S::kStages * S::kStageBytes);
  auto* full = reinterpret_cast<cuda::Barrier*>(ring + S::kStages * S::kStageBytes + S::kSumBytes);
  auto* empty = full + S::kStages;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (threadIdx.x == 0) {
    for (int i = 0; i < S::kStages; ++i) {
      cuda::barrier_init(&full[i], 1);
      cuda::barrier_init(&empty[i], kRowWarps);
    }
    cuda::barrier_init_fence();
  }
  __syncthreads();
  cuda::let_next_launch_begin();
  if (warp == S::kWarps) {
    fill_ring<Weights, S, kRowWarps>(p, ring, full, empty);
    return;
  }
  cuda::wait_for_launches_before();  // the workspace and the residual are theirs until then
  const int begin = p.split.begin(blockIdx.x), end = p.split.begin(blockIdx.x + 1);
  const int team = warp / kRowWarps, part = warp % kRowWarps;
  gemm_skinny_cuda::UnitWalk at(p.split, begin + team);
  int next = begin + team, stage = team, parity = 0;
  for (int tile = begin / p.split.units; tile <= (end - 1) / p.split.units; ++tile) {
    float sums[Weights::kRowTiles][kTokenTiles][4] = {};
    for (; next < end && at.tile == tile; next += kTeams, at.advance(p.split, kTeams)) {
      cuda::barrier_wait(&full[stage], parity);
      const char* here = ring + stage * S::kStageBytes;
      const std::int64_t left = p.k - static_cast<std::int64_t>(at.unit) * kUnitK;
      uint4 tokens[kTokenTiles][4];
      load_tokens<kTokenTiles>(here + S::kTokenAt, left < kUnitK ? static_cast<int>(left) : kUnitK,
                               lane, tokens);
      Weights::multiply(here + part * Weights::kUnitBytes, tokens, lane, sums);
      __syncwarp();
      if (lane == 0) cuda::barrier_arrive(&empty[stage]);
      stage += kTeams;
      if (stage >= S::kStages) stage -= S::kStages, parity ^= 1;
    }
    gemm_skinny_cuda::finish_tile<Weights::kRowTiles, kTokenTiles, kRowWarps, kTeams>(
        p, tile, sums_of_warps, sums);
  }
}

template <class Weights, int kTokenTiles, int kRowWarps, int kTeams, bool kHalf>
void launch_bulk(const StreamArguments& arguments, bool overlap, cudaStream_t stream) {
  using S = BulkShape<Weights, kTokenTiles, kRowWarps, kTeams, kHalf>;
  const auto kernel = bulk_product<Weights, kTokenTiles, kRowWarps, kTeams, kHalf>;
  static const bool told = [&] {
    AISP_CUDA(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, S::kSharedBytes));
    return true;
  }();
  static_cast<void>(told);
  cuda::launch(kernel,
               {.blocks = arguments.split.blocks,
                .threads = 32 * (S::kWarps + 1),
                .shared_bytes = S::kSharedBytes,
                .overlap = overlap,
                .stream = stream},
               arguments);
}

}  // namespace

void run_bulk(const Request& request, const Config& config) {
  with_format(request.format, [&]<class Weights>(Weights) {
    const StreamArguments arguments = arguments_of<Weights>(request, config);
    if (config.token_tiles == 1) {
      launch_bulk<Weights, 1, kBulkRowWarps, kBulkTeams, true>(arguments, request.constant_weights,
                                                               request.stream);
    } else {
      launch_bulk<Weights, 2, kBulkRowWarps, kBulkTeams, false>(arguments, request.constant_weights,
                                                                request.stream);
    }
  });
}

}  // namespace aisp::kernels::gemv_quantized_cuda
