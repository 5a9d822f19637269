// The skinny product on Hopper: one warp asks the copy engine for boxes of weights (64 or 128 rows
// x 64 of K, 128 bytes a row, swizzled) and the tokens that meet them, as deep as shared memory
// allows (about 200 KB, 8 times latency x bandwidth); each warpgroup multiplies 64 rows of weights
// with all tokens (wgmma m64nMk16, both operands where they landed). A stage has 32 KB of weights:
// with 8 KB the barriers of each stage cost 3 to 5 % more time (one H200, CUDA 13.0). Blocks stay
// and take equal ranges of the work (split.h); the ring runs on while a tile's sums are written.
//
// For SwiGLU the tensor map has two more dimensions, so that 8 rows of the gate and the 8 rows of
// the up projection that belong to them alternate in the box: one thread gets both sums.
//
// Source: PTX ISA 9.0, 9.7.15 (wgmma), 9.7.9.27 (cp.async.bulk.tensor); Osama et al., "Stream-K",
// PPoPP 2023.
#include "kernels/cuda/dependent_launch.cuh"
#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tma.cuh"
#include "kernels/cuda/warpgroup.cuh"
#include "kernels/cuda/wgmma.cuh"
#include "kernels/gemm_skinny_cuda/device_run.h"
#include "kernels/gemm_skinny_cuda/epilogue.cuh"
#include "kernels/gemm_skinny_cuda/split.h"

namespace aisp::kernels::gemm_skinny_cuda {
namespace {

constexpr int kUnitK = kWgmmaUnitK;  // 128 bytes: the width of the swizzle, and of a line of memory

template <int kRows, int kTokens>
struct Ring {
  static constexpr int kSteps = wgmma_steps(kRows, kTokens);  // of 64, in a stage
  static constexpr int kWeightStep = kRows * kUnitK * 2, kTokenStep = kTokens * kUnitK * 2;
  static constexpr int kTokenAt = kSteps * kWeightStep;
  static constexpr int kStageBytes = kSteps * (kWeightStep + kTokenStep);
  static constexpr int kStages = wgmma_stages(kRows, kTokens);
  // With what aligns the ring to 1024 bytes, and the barriers.
  static constexpr int kSharedBytes = kStages * (kStageBytes + 16) + 1024;
};

struct WgmmaArguments {
  Output out;
  Workspace workspace;
  Split split;
};

/// Asks for everything, in order: weights need not wait for the launches ahead, tokens must.
template <int kRows, int kTokens>
__device__ inline void fill_ring(const CUtensorMap& weights, const CUtensorMap& tokens,
                                 const WgmmaArguments& p, char* ring, cuda::Barrier* full,
                                 cuda::Barrier* empty) {
  using R = Ring<kRows, kTokens>;
  const int begin = p.split.begin(blockIdx.x), end = p.split.begin(blockIdx.x + 1);
  int tile = begin / p.split.units, unit = begin % p.split.units;
  const int count = end - begin, units = p.split.units;
  const auto load_weights = [&](int stage, int tile_now, int unit_now) {
    cuda::barrier_arrive_expect(&full[stage], R::kStageBytes);
#pragma unroll
    for (int step = 0; step < R::kSteps; ++step) {
      char* to = ring + stage * R::kStageBytes + step * R::kWeightStep;
      const int k = (unit_now * R::kSteps + step) * kUnitK;
      if (p.out.gated) {
        cuda::tma_load(to, weights, &full[stage], k, 0, 0, tile_now * (kRows / 16));
      } else {
        cuda::tma_load(to, weights, &full[stage], k, tile_now * kRows,
                       cuda::CacheHint::kEvictFirst);
      }
    }
  };
  const auto load_tokens = [&](int stage, int unit_now) {
#pragma unroll
    for (int step = 0; step < R::kSteps; ++step) {
      cuda::tma_load(ring + stage * R::kStageBytes + R::kTokenAt + step * R::kTokenStep, tokens,
                     &full[stage], (unit_now * R::kSteps + step) * kUnitK, 0);
    }
  };
  const int first = count < R::kStages ? count : R::kStages;
  int unit_tokens = unit;
  for (int i = 0; i < first; ++i) {
    load_weights(i, tile, unit);
    if (++unit == units) unit = 0, ++tile;
  }
  cuda::wait_for_launches_before();
  for (int i = 0; i < first; ++i) {
    load_tokens(i, unit_tokens);
    if (++unit_tokens == units) unit_tokens = 0;
  }
  cuda::RingPosition<R::kStages> at;
  for (int i = first; i < count; ++i) {
    cuda::barrier_wait(&empty[at.stage], at.parity);
    load_weights(at.stage, tile, unit);
    load_tokens(at.stage, unit);
    if (++unit == units) unit = 0, ++tile;
    at.advance();
  }
}

/// Writes a tile's sums, or leaves them in the workspace for the last block of the tile. d is the
/// accumulator of m64nNk16: pairs 4 j + {0, 2} and {1, 3} are rows g and g + 8 of tokens 8 j + 2 t
/// + {0, 1}.
template <int kRows, int kTokens>
__device__ inline void finish_tile(const WgmmaArguments& p, int tile, float (&d)[kTokens / 2]) {
  constexpr int kThreads = 2 * kRows, kPairs = kTokens / 4;  // threads that multiply; pairs of each
  const int lane = threadIdx.x % 32;
  if (!p.split.whole(blockIdx.x, tile)) {
    float2* mine =
        p.workspace.partial(blockIdx.x, p.split.slot(blockIdx.x, tile), kPairs * kThreads);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      mine[i * kThreads + threadIdx.x] = {d[4 * (i / 2) + i % 2], d[4 * (i / 2) + i % 2 + 2]};
    }
    const int first = p.split.first_block(tile), last = p.split.last_block(tile);
    if (!p.workspace.arrive_last(first, last - first + 1, kThreads)) return;
#pragma unroll
    for (int i = 0; i < kTokens / 2; ++i) d[i] = 0.0F;
      // Several blocks' sums are on their way at once: each takes 0.7 us from L2.
#pragma unroll(kTokens <= 16 ? 4 : 2)
    for (int block = first; block <= last; ++block) {
      const float2* part = p.workspace.partial(block, p.split.slot(block, tile), kPairs * kThreads);
#pragma unroll
      for (int i = 0; i < kPairs; ++i) {
        const float2 more = __ldcg(&part[i * kThreads + threadIdx.x]);
        d[4 * (i / 2) + i % 2] += more.x;
        d[4 * (i / 2) + i % 2 + 2] += more.y;
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kPairs; ++i) {
    p.out.write_pair(static_cast<std::int64_t>(tile) * (kRows / 16) + threadIdx.x / 32, lane / 4,
                     8 * (i / 2) + 2 * (lane % 4) + i % 2,
                     {d[4 * (i / 2) + i % 2], d[4 * (i / 2) + i % 2 + 2]});
  }
}

template <int kRows, int kTokens>
__global__ void __launch_bounds__(2 * kRows + 32, 1)
    wgmma_product(const WgmmaArguments p, const __grid_constant__ CUtensorMap weights,
                  const __grid_constant__ CUtensorMap tokens) {
  using R = Ring<kRows, kTokens>;
  extern __shared__ char shared[];
  char* ring = shared + (1024 - cuda::shared_address(shared) % 1024) % 1024;
  auto* full = reinterpret_cast<cuda::Barrier*>(ring + R::kStages * R::kStageBytes);
  auto* empty = full + R::kStages;
  const int warp = threadIdx.x / 32;
  if (threadIdx.x == 32) {
    cuda::tma_prefetch_map(weights);
    cuda::tma_prefetch_map(tokens);
  }
  if (threadIdx.x == 0) {
    for (int i = 0; i < R::kStages; ++i) {
      cuda::barrier_init(&full[i], 1);
      cuda::barrier_init(&empty[i], kRows / 16);  // one arrival of each warp
    }
    cuda::barrier_init_fence();
  }
  __syncthreads();
  cuda::let_next_launch_begin();
  if (warp == kRows / 16) {
    if (cuda::elect_one()) fill_ring<kRows, kTokens>(weights, tokens, p, ring, full, empty);
    return;
  }
  cuda::wait_for_launches_before();  // the workspace and the residual are theirs until then
  const int begin = p.split.begin(blockIdx.x), end = p.split.begin(blockIdx.x + 1);
  const int group = warp / 4, units = p.split.units;
  int tile = begin / units, unit = begin % units;
  cuda::RingPosition<R::kStages> at;
  for (int left = end - begin; left > 0; unit = 0, ++tile) {
    const int count = left < units - unit ? left : units - unit;
    left -= count;
    float d[kTokens / 2];
    int before = 0;
    for (int i = 0; i < count; ++i) {
      cuda::barrier_wait(&full[at.stage], at.parity);
      const char* stage = ring + at.stage * R::kStageBytes;
      const std::uint64_t a =
          cuda::matrix_descriptor(stage + group * 64 * 128, cuda::Swizzle::k128, 1024);
      const std::uint64_t b =
          cuda::matrix_descriptor(stage + R::kTokenAt, cuda::Swizzle::k128, 1024);
      cuda::pin_registers(d);
      cuda::wgmma_fence();
#pragma unroll
      for (int step = 0; step < R::kSteps * 4; ++step) {
        cuda::wgmma_bf16<kTokens>(
            d, cuda::descriptor_plus(a, step / 4 * R::kWeightStep + step % 4 * 32),
            cuda::descriptor_plus(b, step / 4 * R::kTokenStep + step % 4 * 32), i + step > 0);
      }
      cuda::wgmma_commit();
      cuda::pin_registers(d);
      // The stage before is read to its end: one group of wgmma stays in flight.
      cuda::wgmma_wait<1>();
      if (i > 0 && threadIdx.x % 32 == 0) cuda::barrier_arrive(&empty[before]);
      before = at.stage;
      at.advance();
    }
    cuda::wgmma_wait<0>();
    cuda::pin_registers(d);
    if (threadIdx.x % 32 == 0) cuda::barrier_arrive(&empty[before]);
    finish_tile<kRows, kTokens>(p, tile, d);
  }
}

template <int kRows, int kTokens>
void launch_wgmma(const Request& request, const Config& config) {
  using R = Ring<kRows, kTokens>;
  const auto kernel = wgmma_product<kRows, kTokens>;
  static const bool told = [&] {
    AISP_CUDA(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, R::kSharedBytes));
    return true;
  }();
  static_cast<void>(told);
  const Shape& shape = request.shape;
  WgmmaArguments arguments{.out = output_of(request),
                           .workspace = workspace_of(request.workspace),
                           .split = split_of(shape, config)};
  const std::int64_t row_bytes = 2 * shape.k;
  cuda::TensorMapSpec weights =
      cuda::rows_of(request.b, cuda::MapElement::kBF16, shape.n, shape.k, row_bytes, kRows, kUnitK);
  weights.fetch_bytes = 128;  // as wide as the box: 256 took 2 to 4 % longer (one H200, CUDA 13.0)
  if (arguments.out.gated) {
    weights.rank = 4;
    weights.sizes = {static_cast<std::uint64_t>(shape.k), 8, 2,
                     static_cast<std::uint64_t>(shape.n / 16)};
    weights.strides = {0, static_cast<std::uint64_t>(row_bytes),
                       static_cast<std::uint64_t>(row_bytes * (shape.n / 2)),
                       static_cast<std::uint64_t>(row_bytes * 8)};
    weights.box = {kUnitK, 8, 2, kRows / 16};
  }
  const cuda::TensorMapSpec tokens = cuda::rows_of(request.a, cuda::MapElement::kBF16, shape.m,
                                                   shape.k, row_bytes, kTokens, kUnitK);
  cuda::launch(kernel,
               {.blocks = config.blocks,
                .threads = 2 * kRows + 32,
                .shared_bytes = R::kSharedBytes,
                .overlap = request.constant_weights,
                .stream = request.stream},
               arguments, cuda::make_tensor_map(weights), cuda::make_tensor_map(tokens));
}

template <int kRows>
void with_tokens(const Request& request, const Config& config) {
  switch (config.tile_tokens) {
    case 8:
      return launch_wgmma<kRows, 8>(request, config);
    case 16:
      return launch_wgmma<kRows, 16>(request, config);
    case 32:
      return launch_wgmma<kRows, 32>(request, config);
    case 64:
      return launch_wgmma<kRows, 64>(request, config);
    default:
      return launch_wgmma<kRows, 128>(request, config);
  }
}

}  // namespace

void run_wgmma(const Request& request, const Config& config) {
  if (config.tile_rows == 64) {
    with_tokens<64>(request, config);
  } else {
    with_tokens<128>(request, config);
  }
}

}  // namespace aisp::kernels::gemm_skinny_cuda
