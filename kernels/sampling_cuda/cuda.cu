// Sampling without sorting; see cuda.h. Reading order: sample_row, then threshold
// (cuda_threshold.cuh), draw.
#include "kernels/sampling_cuda/cuda.h"

#include "base/check.h"
#include "kernels/sampling_cuda/cuda_threshold.cuh"
#include "kernels/sampling_cuda/philox.h"
#include "machine/cuda_raii.h"

namespace aisp::kernels::sampling_cuda {
namespace {

struct Args {
  Request request;
  int blocks_per_row;
};

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
    float ends[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) ends[i] = upto += xs[i] >= least ? weights(xs[i]) : 0.0F;
    if (found >= 0 || fixed(upto) <= at - before) return;
#pragma unroll
    for (int i = 3; i >= 0; --i) found = fixed(ends[i]) > at - before ? index + i : found;
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
