// The skinny product on Hopper: one warp asks the copy engine for boxes of weights (64 or 128 rows
// x 64 of K, 128 bytes a row, swizzled) and the tokens that meet them, as deep as shared memory
// allows (about 200 KB, 8 times latency x bandwidth); each warpgroup multiplies 64 rows of weights
// with all tokens (wgmma m64nMk16, both operands where they landed). A stage has 32 KB of weights:
// with 8 KB the barriers of each stage cost 3 to 5 % more time (one H200, CUDA 13.0). The ring runs
// on while a tile's sums are written.
//
// Blocks stay, and split.h says which tiles they take: pairs of neighbours the same number, the
// last of which both divide along K (their sums meet through distributed shared memory); or four
// share each copy of the tokens. An even number of bytes for every pair is what counts, and not for
// every block: 80 blocks of one tile took 57 us for 10240 x 8192, where pairs take 44 (16 tokens),
// as the two multiprocessors of a pair seem to share a way to memory of about 75 GB/s.
// Every launch begins before the one ahead has ended; until then it only asks for weights in L2,
// where a later write finds them. That took 1.5 us off 12.4 and 1.9 off 35.2. Not quicker:
// blocks that begin at different places along K; more blocks that share tokens.
//
// For SwiGLU the tensor map has two more dimensions, so that 8 rows of the gate and the 8 rows of
// the up projection that belong to them alternate in the box: one thread gets both sums.
//
// Source: PTX ISA 9.0, 9.7.15 (wgmma), 9.7.9.27 (cp.async.bulk.tensor); Osama et al., "Stream-K",
// PPoPP 2023.
#include "kernels/cuda/cluster.cuh"
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

/// Stages of weights asked for in L2 before the launches ahead have ended: more of them took up to
/// 5 % longer where a product is short (16 x 4096 x 4096: none 11.1 us, two 10.9, all 11.5; without
/// the early launch 12.4; one H200, CUDA 13.0).
constexpr int kAskedStages = 2;
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
  Walk walk;
  bool constant_weights = false;
};

template <int kRows, int kTokens>
struct Loads {
  using R = Ring<kRows, kTokens>;
  const CUtensorMap &weights_map, &tokens_map;
  const WgmmaArguments& p;
  const Part& part;
  int rank;  // in the cluster
  char* ring;
  cuda::Barrier *full, *empty;

  __device__ void weights(int stage, int tile, int unit) const {
    cuda::barrier_arrive_expect(&full[stage], R::kStageBytes);
#pragma unroll
    for (int step = 0; step < R::kSteps; ++step) {
      char* to = ring + stage * R::kStageBytes + step * R::kWeightStep;
      const int k = (unit * R::kSteps + step) * kUnitK;
      if (p.out.gated) {
        cuda::tma_load(to, weights_map, &full[stage], k, 0, 0, tile * (kRows / 16));
      } else {
        cuda::tma_load(to, weights_map, &full[stage], k, tile * kRows,
                       cuda::CacheHint::kEvictFirst);
      }
    }
  }
  __device__ void ask_for_weights(int tile, int unit) const {
#pragma unroll
    for (int step = 0; step < R::kSteps; ++step) {
      const int k = (unit * R::kSteps + step) * kUnitK;
      if (p.out.gated) {
        cuda::tma_prefetch(weights_map, k, 0, 0, tile * (kRows / 16));
      } else {
        cuda::tma_prefetch(weights_map, k, tile * kRows);
      }
    }
  }
  /// This block's share of them, for all blocks that have the same.
  __device__ void tokens(int stage, int unit) const {
    char* to = ring + stage * R::kStageBytes + R::kTokenAt;
    const int rows = kTokens >> p.walk.share_bits;
#pragma unroll
    for (int step = 0; step < R::kSteps; ++step, to += R::kTokenStep) {
      const int k = (unit * R::kSteps + step) * kUnitK;
      if (p.walk.share == 1) {
        cuda::tma_load(to, tokens_map, &full[stage], k, 0);
      } else {
        cuda::tma_load_multicast(to + rank * rows * (kUnitK * 2), tokens_map, &full[stage], k,
                                 rank * rows, static_cast<std::uint16_t>((1U << p.walk.share) - 1));
      }
    }
  }
};

/// A position in the block's work: the units of its whole tiles, then those of its part of one.
struct Position {
  int tile, unit, end, left;
  __device__ Position(const Part& part, int units)
      : tile(part.tile), unit(0), end(units), left(part.whole) {
    if (left == 0) take_part(part);
  }
  __device__ void advance(const Part& part) {
    if (++unit < end) return;
    if (--left > 0) {
      tile += part.step;
      unit = 0;
    } else {
      take_part(part);
    }
  }
  __device__ void take_part(const Part& part) {
    tile = part.last_tile;
    unit = part.begin;
    end = part.end;
  }
};

/// Asks for everything, in order: weights that do not change need not wait for the launches ahead.
/// Others are asked for in L2, where a write that comes later finds them. All threads of one warp.
template <int kRows, int kTokens>
__device__ inline void fill_ring(const Loads<kRows, kTokens>& loads) {
  using R = Ring<kRows, kTokens>;
  const Part& part = loads.part;
  const Walk& walk = loads.p.walk;
  const bool elected = cuda::elect_one();
  const int count = part.count(walk.units), first = count < R::kStages ? count : R::kStages;
  const Position start(part, walk.units);
  if (elected) {
    Position at = start;
    if (loads.p.constant_weights) {
      for (int i = 0; i < first; ++i, at.advance(part)) loads.weights(i, at.tile, at.unit);
    } else {
      for (int i = 0; i < first && i < kAskedStages; ++i, at.advance(part)) {
        loads.ask_for_weights(at.tile, at.unit);
      }
    }
    cuda::wait_for_launches_before();
    if (!loads.p.constant_weights) {
      at = start;
      for (int i = 0; i < first; ++i, at.advance(part)) loads.weights(i, at.tile, at.unit);
    }
  }
  __syncwarp();
  if (walk.share > 1) cuda::cluster_wait();  // the others' barriers are ready
  if (elected) {
    Position at = start;
    for (int i = 0; i < first; ++i, at.advance(part)) loads.tokens(i, at.unit);
    cuda::RingPosition<R::kStages> stage;
    for (int i = first; i < count; ++i, at.advance(part), stage.advance()) {
      cuda::barrier_wait(&loads.empty[stage.stage], stage.parity);
      loads.weights(stage.stage, at.tile, at.unit);
      loads.tokens(stage.stage, at.unit);
    }
  }
  __syncwarp();
}

/// Pair i of a thread's sums is rows g and g + 8 of token 8 (i / 2) + 2 t + i % 2: d is the
/// accumulator of m64nNk16, whose 4 j + {0, 2} and {1, 3} are rows g and g + 8 of tokens 8 j + 2 t
/// + {0, 1}.
template <int kRows>
__device__ inline void write_pair(const Output& out, int tile, int i, float2 sums) {
  const int lane = threadIdx.x % 32;
  out.write_pair(static_cast<std::int64_t>(tile) * (kRows / 16) + threadIdx.x / 32, lane / 4,
                 8 * (i / 2) + 2 * (lane % 4) + i % 2, sums);
}

/// The tile whose units the cluster divides, the last one of all its blocks: each leaves its sums
/// in shared memory, where the ring was, and adds up its part of all blocks'.
template <int kRows, int kTokens>
__device__ inline void finish_divided_tile(const WgmmaArguments& p, int tile, int rank, char* ring,
                                           const float (&d)[kTokens / 2]) {
  constexpr int kThreads = 2 * kRows, kPairs = kTokens / 4;
  auto* sums = reinterpret_cast<float2*>(ring) + threadIdx.x;
  cuda::named_sync(1, kThreads);  // all have read the ring
#pragma unroll
  for (int i = 0; i < kPairs; ++i) {
    sums[i * kThreads] = {d[4 * (i / 2) + i % 2], d[4 * (i / 2) + i % 2 + 2]};
  }
  cuda::cluster_sync();
  for (int i = rank; i < kPairs; i += p.walk.split) {
    float2 sum = {0.0F, 0.0F};
#pragma unroll 8
    for (int block = 0; block < p.walk.split; ++block) {
      const float2 more = *cuda::of_block(sums + i * kThreads, block);
      sum.x += more.x;
      sum.y += more.y;
    }
    write_pair<kRows>(p.out, tile, i, sum);
  }
}

/// A consumer's walk through the ring.
template <int kRows, int kTokens>
struct Multiply {
  using R = Ring<kRows, kTokens>;
  const char* ring;
  cuda::Barrier *full, *empty;
  int share;
  cuda::RingPosition<R::kStages> at;

  __device__ void release(int stage) const {
    const int lane = threadIdx.x % 32;
    if (share == 1) {
      if (lane == 0) cuda::barrier_arrive(&empty[stage]);
    } else if (lane < share) {
      cuda::barrier_arrive_at(&empty[stage], lane);
    }
  }
  /// d = the sums over the next `count` stages.
  __device__ void sum(int count, float (&d)[kTokens / 2]) {
    const int group = threadIdx.x / 128;
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
      if (i > 0) release(before);
      before = at.stage;
      at.advance();
    }
    cuda::wgmma_wait<0>();
    cuda::pin_registers(d);
    release(before);
  }
};

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
      cuda::barrier_init(&empty[i], kRows / 16 * p.walk.share);  // each warp that reads the tokens
    }
    cuda::barrier_init_fence();
  }
  __syncthreads();
  if (p.walk.share > 1) cuda::cluster_arrive();
  cuda::let_next_launch_begin();
  const auto rank = static_cast<int>(cuda::cluster_rank());
  const Part part = part_of(p.walk, static_cast<int>(cuda::cluster_id()), rank);
  const bool divided = part.begin < part.end;
  if (warp == kRows / 16) {
    fill_ring<kRows, kTokens>({weights, tokens, p, part, rank, ring, full, empty});
    if (divided) cuda::cluster_sync();
  } else {
    cuda::wait_for_launches_before();  // C and the residual are theirs until then
    if (p.walk.share > 1) cuda::cluster_wait();
    Multiply<kRows, kTokens> multiply{ring, full, empty, p.walk.share, {}};
    int tile = part.tile;
    float d[kTokens / 2];
    for (int i = 0; i < part.whole; ++i, tile += part.step) {
      multiply.sum(p.walk.units, d);
      if (tile >= p.walk.tiles) continue;  // of a group that is not whole
#pragma unroll
      for (int j = 0; j < kTokens / 4; ++j) {
        write_pair<kRows>(p.out, tile, j, {d[4 * (j / 2) + j % 2], d[4 * (j / 2) + j % 2 + 2]});
      }
    }
    if (divided) {
      multiply.sum(part.end - part.begin, d);
      finish_divided_tile<kRows, kTokens>(p, part.last_tile, rank, ring, d);
    }
  }
  __syncwarp();
  // The others may still read what is ours, or arrive at our barriers.
  if (p.walk.share > 1 || divided) cuda::cluster_sync();
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
                           .walk = walk_of(shape, config),
                           .constant_weights = request.constant_weights};
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
  const cuda::TensorMapSpec tokens =
      cuda::rows_of(request.a, cuda::MapElement::kBF16, shape.m, shape.k, row_bytes,
                    kTokens / config.share, kUnitK);
  cuda::launch(kernel,
               {.blocks = config.blocks,
                .threads = 2 * kRows + 32,
                .shared_bytes = R::kSharedBytes,
                .overlap = true,
                .cluster = config.share * config.split,
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
