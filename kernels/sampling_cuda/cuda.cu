// Sampling without sorting; see cuda.h. Reading order: sample_row, then threshold.
#include "kernels/sampling_cuda/cuda.h"

#include <cfloat>

#include "base/check.h"
#include "kernels/sampling_cuda/cuda_group.cuh"
#include "kernels/sampling_cuda/cuda_row.cuh"
#include "kernels/sampling_cuda/philox.h"
#include "machine/cuda_raii.h"

namespace aisp::kernels::sampling_cuda {
namespace {

constexpr int kPivots = 8;
// Rounds that place pivots evenly by value; later ones by the order of floats, which ends after
// 32 / log2(9) more, whatever the logits are.
constexpr int kRoundsByValue = 4;
// A mass of 1 (the largest logit's). A thread's sum stays below 2^18 of them.
constexpr float kOne = 0x1p40F;

struct Args {
  Request request;
  int blocks_per_row;
};

__device__ inline std::uint64_t fixed(float mass) { return __float2ull_rz(mass * kOne); }

// Weights of logits: 1 for the largest.
struct Weights {
  float largest, per_logit;  // log2(e) / temperature
  /// At most 1 also for +Inf, whose distance from itself is NaN.
  __device__ float operator()(float x) const {
    return exp2_flushed(fminf((x - largest) * per_logit, 0.0F));
  }
};

// The range that still holds the threshold, and what lies at or above its end.
struct Range {
  float low, high;
  std::uint64_t mass_above, count_above;
};

// Pivot i of kPivots + 1; the first is the range's own end.
__device__ inline float pivot_of(const Range& range, const Weights& weights, int round, int i) {
  if (i == 0) return range.low;
  // In nats below the largest logit: a nucleus mostly ends between 1 and 8.
  constexpr float kFirst[kPivots] = {14.0F, 10.5F, 8.0F, 6.0F, 4.5F, 3.0F, 1.5F, 0.5F};
  const std::uint32_t low = order_of(range.low), high = order_of(range.high);
  const float part = static_cast<float>(i) / (kPivots + 1);
  float at = range.low * (1.0F - part) + range.high * part;
  if (round == 0) at = weights.largest - kFirst[i - 1] * (1.4426950408889634F / weights.per_logit);
  if (round >= kRoundsByValue || (round > 0 && range.low == -FLT_MAX)) {
    at = float_of(low + static_cast<std::uint32_t>(std::uint64_t{high - low} * i / (kPivots + 1)));
  }
  // Inside the range, so that each round makes it smaller.
  return float_of(min(max(order_of(at), low + 1), high - 1));
}

// What lies in the range at or above each pivot: counts, and masses kPivots + 1 slots on.
template <bool kByMass, class Row, class Shared>
__device__ void weigh(const Row& row, Shared& group, const Range& range, const Weights& weights) {
  float pivots[kPivots + 1], mass[kPivots + 1] = {};
  int count[kPivots + 1] = {};
#pragma unroll
  for (int i = 0; i <= kPivots; ++i) pivots[i] = group.own().pivots[i];
  row.for_each([&](const float4& four, int) {
#pragma unroll
    for (const float x : {four.x, four.y, four.z, four.w}) {
      if (!(x >= range.low && x < range.high)) continue;
      const float weight = kByMass ? weights(x) : 0.0F;
#pragma unroll
      for (int i = 0; i <= kPivots; ++i) {
        if (x >= pivots[i]) {
          ++count[i];
          if constexpr (kByMass) mass[i] += weight;
        }
      }
    }
  });
#pragma unroll
  for (int i = 0; i <= kPivots; ++i) {
    group.put(i, __reduce_add_sync(0xffffffffU, static_cast<unsigned>(count[i])));
    if constexpr (kByMass) group.put(kPivots + 1 + i, fixed(warp_sum(mass[i])));
  }
  group.template join<Sum>(kByMass ? 2 * (kPivots + 1) : kPivots + 1);
}

// The range has at most kCandidates logits: each thread asks for one whether it is the threshold.
template <bool kByMass, class Row, class Shared>
__device__ float choose(const Row& row, Shared& group, const Range& range, const Weights& weights,
                        std::uint64_t target) {
  Exchange& own = group.own();
  if (threadIdx.x == 0) own.candidate_count = 0;
  __syncthreads();
  row.for_each([&](const float4& four, int) {
#pragma unroll
    for (const float x : {four.x, four.y, four.z, four.w}) {
      if (x >= range.low && x < range.high) own.candidates[atomicAdd(&own.candidate_count, 1)] = x;
    }
  });
  group.wait();
  int total = 0;
  for (int r = 0; r < group.blocks(); ++r) {  // the order does not matter: sums are integers
    Exchange& other = group.of(r);
    const int count = other.candidate_count;
    for (int i = threadIdx.x; i < count; i += kThreads) {
      const float x = other.candidates[i];
      own.gathered[total + i] = x;
      own.masses[total + i] = kByMass ? fixed(weights(x)) : 1;
    }
    total += count;
  }
  __syncthreads();
  std::uint64_t best = order_of(range.low);
  if (static_cast<int>(threadIdx.x) < total) {
    const float mine = own.gathered[threadIdx.x];
    std::uint64_t above = kByMass ? range.mass_above : range.count_above;
    for (int i = 0; i < total; ++i) above += own.gathered[i] >= mine ? own.masses[i] : 0;
    if (above >= target) best = order_of(mine);
  }
  group.put(0, warp_join<Largest>(best));
  group.template join<Largest>(1);
  return float_of(static_cast<std::uint32_t>(own.of_group[0]));
}

// The largest logit t such that those from t up count at least k, or weigh at least the fraction
// `p` of those from `low` up; `low` when there are fewer.
template <bool kByMass, class Row, class Shared>
__device__ float threshold(const Row& row, Shared& group, const Weights& weights, float low,
                           std::uint64_t k, float p) {
  Range range{low, float_of(order_of(weights.largest) + 1), 0, 0};
  std::uint64_t target = k;
  Exchange& own = group.own();
  for (int round = 0; order_of(range.high) - order_of(range.low) > 1; ++round) {
    const int thread = static_cast<int>(threadIdx.x);
    if (thread <= kPivots) own.pivots[thread] = pivot_of(range, weights, round, thread);
    __syncthreads();
    weigh<kByMass>(row, group, range, weights);
    const std::uint64_t* counts = own.of_group;
    const std::uint64_t* masses = own.of_group + kPivots + 1;
    if (kByMass && round == 0) {
      const double part = static_cast<double>(p) * static_cast<double>(masses[0]);
      target = max(std::uint64_t{1}, static_cast<std::uint64_t>(__double2ull_rz(part)));
    }
    int i = kPivots;  // the largest pivot with enough at or above it, or the range's own end
    while (i > 0 &&
           (kByMass ? range.mass_above + masses[i] : range.count_above + counts[i]) < target) {
      --i;
    }
    Range next{own.pivots[i], range.high, range.mass_above, range.count_above};
    if (i < kPivots) {
      next.high = own.pivots[i + 1];
      next.count_above += counts[i + 1];
      if (kByMass) next.mass_above += masses[i + 1];
    }
    const std::uint64_t inside = range.count_above + counts[i] - next.count_above;
    range = next;
    __syncthreads();  // pivots and sums are read
    if (inside <= kCandidates) return choose<kByMass>(row, group, range, weights, target);
  }
  return range.low;
}

// One draw among the logits from `least` up.
template <class Row, class Shared>
__device__ void draw(const Row& row, Shared& group, const Weights& weights, float least,
                     std::uint64_t bits, std::int32_t* token) {
  float sum = 0.0F;
  row.for_each([&](const float4& four, int) {
#pragma unroll
    for (const float x : {four.x, four.y, four.z, four.w}) sum += x >= least ? weights(x) : 0.0F;
  });
  std::uint64_t all = 0;
  const std::uint64_t own = fixed(sum), before = group.sum_before(own, all);
  const std::uint64_t at = __umul64hi(bits, all);  // uniform in [0, all)
  if (at < before || at - before >= own) return;
  float upto = 0.0F;  // the same additions again: it ends at `sum`
  std::int32_t found = -1;
  row.for_each([&](const float4& four, int index) {
    const float xs[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      upto += xs[i] >= least ? weights(xs[i]) : 0.0F;
      if (found < 0 && fixed(upto) > at - before) found = index + i;
    }
  });
  *token = found;
}

template <class Row, class Shared>
__device__ void sample_row(const Request& request, const Row& row, Shared& group, int r) {
  // The largest logit with its lowest index. No comparison holds for NaN, here and below.
  float most = -INFINITY;
  int most_at = -1;
  row.stage([&](const float4& four, int index) {
    const float xs[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (xs[i] > most) most_at = index + i;
      most = fmaxf(most, xs[i]);
    }
  });
  std::uint64_t first = 0;
  if (most_at >= 0) {
    first = (static_cast<std::uint64_t>(order_of(most)) << 32) |
            (0xffffffffU - static_cast<std::uint32_t>(most_at));
  }
  group.put(0, warp_join<Largest>(first));
  group.template join<Largest>(1);
  first = group.own().of_group[0];
  const bool writes = threadIdx.x == 0 && group.rank() == 0;
  const float temperature = request.temperature != nullptr ? request.temperature[r] : 1.0F;
  const float largest = float_of(static_cast<std::uint32_t>(first >> 32));
  if (first == 0 || !(temperature > 0.0F)) {
    if (!writes) return;
    const auto index = static_cast<std::int32_t>(0xffffffffU - static_cast<std::uint32_t>(first));
    request.tokens[r] = first == 0 ? -1 : index;
    if (request.least_logits != nullptr) request.least_logits[r] = first == 0 ? NAN : largest;
    return;
  }
  const bool finite = largest < INFINITY;
  const Weights weights{largest, 1.4426950408889634F / temperature};
  float least = finite ? -FLT_MAX : INFINITY;  // only +Inf beside +Inf
  const int k = request.top_k != nullptr ? request.top_k[r] : 0;
  const float p = request.top_p != nullptr ? request.top_p[r] : 1.0F;
  const float fraction = request.min_p != nullptr ? request.min_p[r] : 0.0F;
  if (finite && k > 0 && k < request.vocabulary) {
    least = threshold<false>(row, group, weights, least, static_cast<std::uint64_t>(k), 0.0F);
  }
  if (finite && p < 1.0F) least = threshold<true>(row, group, weights, least, 0, fmaxf(p, 0.0F));
  if (fraction > 0.0F) {
    least = fmaxf(least, fminf(largest, largest + temperature * logf(fraction)));
  }
  const std::uint64_t bits = random_bits(request.seeds != nullptr ? request.seeds[r] : 0,
                                         request.steps != nullptr ? request.steps[r] : 0);
  if (writes && request.least_logits != nullptr) request.least_logits[r] = least;
  draw(row, group, weights, least, bits, request.tokens + r);
}

template <class T, bool kStaged, bool kCluster>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    sample_kernel(const __grid_constant__ Args args) {
#if __CUDA_ARCH__ >= 900
  constexpr bool kHere = true;
#else
  constexpr bool kHere = !kCluster;
#endif
  if constexpr (kHere) {
    extern __shared__ __align__(16) float slice[];
    __shared__ Exchange exchange;
    const int r = static_cast<int>(blockIdx.x) / args.blocks_per_row;
    Group<kCluster> group(exchange, args.blocks_per_row);
    // A neighbour's shared memory may be written only once it runs.
    if constexpr (kCluster) cuda::cluster_arrive();
    const Request& request = args.request;
    const Slice<T, kStaged> row(static_cast<const T*>(request.logits) + r * request.row_stride,
                                request.vocabulary, args.blocks_per_row, group.rank(), slice);
    if constexpr (kCluster) cuda::cluster_wait();
    sample_row(request, row, group, r);
    if constexpr (kCluster) cuda::cluster_sync();  // nobody leaves while others may read it
  }
}

template <class T, bool kStaged, bool kCluster>
void launch(const Request& request, const Config& config) {
  const auto kernel = sample_kernel<T, kStaged, kCluster>;
  const auto bytes = static_cast<int>(config.shared_bytes);
  AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(static_cast<unsigned>(request.batch * config.blocks_per_row));
  how.blockDim = dim3(kThreads);
  how.dynamicSmemBytes = config.shared_bytes;
  how.stream = request.stream;
  cudaLaunchAttribute cluster{};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {static_cast<unsigned>(config.blocks_per_row), 1, 1};
  how.attrs = &cluster;
  how.numAttrs = kCluster ? 1 : 0;
  AISP_CUDA(cudaLaunchKernelEx(&how, kernel, Args{request, config.blocks_per_row}));
}

template <class T>
void launch_typed(const Request& request, const Config& config) {
  if (config.blocks_per_row > 1) return launch<T, true, true>(request, config);
  if (config.staged) return launch<T, true, false>(request, config);
  return launch<T, false, false>(request, config);
}

void run(const Request& request, const Config& config) {
  check(request.type == DType::kF32 || request.type == DType::kBF16, "logits: f32 or bf16");
  check(request.vocabulary > 0 && request.tokens != nullptr, "sampling: shape");
  if (request.batch == 0) return;
  if (request.type == DType::kF32) return launch_typed<float>(request, config);
  launch_typed<bf16>(request, config);
}

}  // namespace

void sample_chosen(const Request& request) {
  run(request, choose_config(request, machine::cuda_device()));
}
void sample_reread(const Request& request) { run(request, plain_config()); }

}  // namespace aisp::kernels::sampling_cuda
