// The cure that is often named first: bring the coordinates of each side together, so that no warp
// disagrees. Indices of small errors fill a list from its front and those of large ones from its
// back (a warp takes its places with one atomic addition for each side), then a second kernel works
// along the list. All of it is timed; it is what boolean masks do (loss[mask] = ...).
#include "labs/ch06_cuda_fundamentals/warp_divergence/loss.cuh"

namespace aisp::labs::ch06::warp_divergence {
namespace {

struct List {
  std::int32_t* index = nullptr;  // [n]
  unsigned* count = nullptr;      // [2]: small, large
};

__device__ bool is_small(const Boxes& boxes, std::int64_t i) {
  return fabsf(boxes.pred[i] - boxes.target[i]) < 1.0F;
}

__global__ void part(Boxes boxes, List list) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const bool inside = i < boxes.n;
  const bool small = inside && is_small(boxes, i);
  const unsigned lane = threadIdx.x % 32;
  const unsigned smalls = __ballot_sync(~0U, small), larges = __ballot_sync(~0U, inside && !small);
  unsigned first[2] = {};
  if (lane == 0) {
    first[0] = atomicAdd(&list.count[0], __popc(smalls));
    first[1] = atomicAdd(&list.count[1], __popc(larges));
  }
  first[0] = __shfl_sync(~0U, first[0], 0);
  first[1] = __shfl_sync(~0U, first[1], 0);
  if (!inside) return;
  const unsigned below = (1U << lane) - 1;
  const std::int64_t at =
      small ? first[0] + __popc(smalls & below) : boxes.n - 1 - (first[1] + __popc(larges & below));
  list.index[at] = static_cast<std::int32_t>(i);
}

__global__ void loss(Boxes boxes, List list) {
  const std::int64_t at = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (at >= boxes.n) return;
  const std::int64_t i = list.index[at];
  const float d = boxes.pred[i] - boxes.target[i];
  boxes.loss[i] = at < list.count[0] ? small_side(d) : large_side(fabsf(d));
}

}  // namespace

std::unique_ptr<bench::Plan> plan_sorted_by_side(const bench::Params& params) {
  const auto n = static_cast<std::size_t>(params["n"]);
  const auto index = std::make_shared<machine::DeviceBuffer>(n * sizeof(std::int32_t));
  const auto count = std::make_shared<machine::DeviceBuffer>(2 * sizeof(unsigned));
  return bench::plan_of([n, index, count](const bench::Io& io) {
    const List list = {index->as<std::int32_t>(), count->as<unsigned>()};
    const Boxes boxes = {io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(),
                         static_cast<std::int64_t>(n)};
    const auto blocks = static_cast<unsigned>((n + kThreads - 1) / kThreads);
    AISP_CUDA(cudaMemsetAsync(list.count, 0, count->bytes(), io.stream()));
    part<<<blocks, kThreads, 0, io.stream()>>>(boxes, list);
    loss<<<blocks, kThreads, 0, io.stream()>>>(boxes, list);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch06::warp_divergence
