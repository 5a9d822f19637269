// Sort, then gather: the ids' buckets are radix-sorted with their indices, looked up in that order,
// and the rows scattered back to where the ids stood. All of it is timed. Neighbouring threads then
// read neighbouring heads; the nodes still lie where they lie.
// Source: CUB (in the CUDA toolkit), cub::DeviceRadixSort; its "onesweep" sort: A. Adinets and
// D. Merrill, "Onesweep: A Faster Least Significant Digit Radix Sort for GPUs", 2022.
#include <algorithm>
#include <bit>
#include <cub/device/device_radix_sort.cuh>

#include "labs/ch07_memory_access/lookup/chains.cuh"

namespace aisp::labs::ch07::lookup {
namespace {

struct Arrays {
  std::uint32_t* bucket[2];  // before and after the sort
  std::uint32_t* index[2];
};

__global__ void hash(Batch batch, Arrays arrays) {
  const std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= batch.count) return;
  arrays.bucket[0][i] = static_cast<std::uint32_t>(batch.bucket_of(batch.ids[i]));
  arrays.index[0][i] = static_cast<std::uint32_t>(i);
}

__global__ void find_sorted(Batch batch, Arrays arrays) {
  const std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= batch.count) return;
  const std::uint32_t index = arrays.index[1][i];
  const std::int64_t id = batch.ids[index];
  std::int32_t row = -1;
  for (std::int32_t at = batch.heads[arrays.bucket[1][i]]; at >= 0;) {
    const Node node = load_node(batch.nodes + at);
    if (node.id == id) row = node.row;
    at = node.id == id ? -1 : node.next;
  }
  batch.rows[index] = row;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_sorted_buckets(const bench::Params& params) {
  const auto count = static_cast<std::size_t>(params["ids"]);
  const int bits =
      std::max(std::countr_zero(static_cast<std::uint64_t>(bucket_count(params["rows"]))), 1);
  const auto arrays = std::make_shared<machine::DeviceBuffer>(4 * count * sizeof(std::uint32_t));
  auto* first = arrays->as<std::uint32_t>();
  const Arrays a = {{first, first + count}, {first + 2 * count, first + 3 * count}};
  std::size_t bytes = 0;
  AISP_CUDA(cub::DeviceRadixSort::SortPairs(nullptr, bytes, a.bucket[0], a.bucket[1], a.index[0],
                                            a.index[1], count, 0, bits));
  const auto scratch = std::make_shared<machine::DeviceBuffer>(std::max<std::size_t>(bytes, 1));
  return bench::plan_of([=](const bench::Io& io) {
    const Batch batch = batch_of(io);
    const auto blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
    hash<<<blocks, kThreads, 0, io.stream()>>>(batch, a);
    std::size_t size = scratch->bytes();
    AISP_CUDA(cub::DeviceRadixSort::SortPairs(scratch->as(), size, a.bucket[0], a.bucket[1],
                                              a.index[0], a.index[1], count, 0, bits, io.stream()));
    find_sorted<<<blocks, kThreads, 0, io.stream()>>>(batch, a);
    AISP_CUDA(cudaGetLastError());
    (void)arrays;  // the plan keeps it
  });
}

}  // namespace aisp::labs::ch07::lookup
