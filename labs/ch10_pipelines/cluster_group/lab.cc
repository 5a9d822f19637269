// Sums that many blocks share: by atomics, through memory, or through a neighbour's shared memory.
// See README.md.
#include <algorithm>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch10_pipelines/cluster_group/problem.h"

namespace aisp::labs::ch10::cluster_group {
namespace {

using bench::Io;
using bench::on_gpu;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{"x", DType::kF32, {p["rows"], p["n"]}}},
          .outputs = {{"out", DType::kF32, {p["rows"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
}

bench::Work work(const Params& p) {
  const double count = static_cast<double>(p["rows"]) * static_cast<double>(p["n"]);
  return {.flops = 2.0 * count,
          .bytes_read = 4.0 * count,
          .bytes_written = 4.0 * static_cast<double>(p["rows"]),
          .items = count,
          .item_name = "elements"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto n = static_cast<std::size_t>(p["n"]);
  for (std::size_t r = 0; r < expected.outputs[0].value.size(); ++r) {
    double sum = 0.0;
    for (const float x : io.in<float>(0).subspan(r * n, n)) sum += static_cast<double>(x) * x;
    expected.outputs[0].value[r] = sum;
  }
}

/// n squares, all positive, each rounds once, added in any order, one after another in the worst
/// case: dot_bound, whose independent roundings need terms above half a unit in the last place of
/// the sum. They are: the mean square is 1, and sizes keep sums below 2^24. rms: a few outputs
/// only, so it says nothing.
Tolerance tolerance(const Params& p) {
  return {.relative = dot_bound(2.0 * static_cast<double>(p["n"]), unit_roundoff(DType::kF32))};
}

Params sizes(std::int64_t rows, std::int64_t n) { return {{"rows", rows}, {"n", n}}; }

bench::WhyNot needs_hopper(const machine::CudaDevice& device) { return device.needs_hopper(); }

}  // namespace

bench::Lab describe() {
  return {
      .question = "What do blocks gain that can add up in each other's shared memory?",
      .targets = {"ch10:cluster_group", "ch10:cluster_group_no_dsmem",
                  "ch10:cluster_group_single_cta", "ch10:atomic_reduction", "ch10:dsmem_reduction",
                  "ch10:dsmem_reduction_v3", "ch10:dsmem_reduction_cluster_atomic",
                  "ch10:dsmem_reduction_warp_specialized"},
      .tags = {"reduction", "clusters", "atomics", "memory"},
      .cases = {{.name = "llama32_1b_keys",
                 .origin = "key and value gradients of two Llama-3.2-1B layers: 4 of 2048 x 512",
                 .smoke = sizes(3, 5000),
                 .full = sizes(4, 2048 * 512),
                 .device = bench::Device::kCuda},
                {.name = "smollm_135m_keys",
                 .origin = "SmolLM-135M: the 60 key and value gradients of 576 x 192",
                 .smoke = sizes(7, 4097),
                 .full = sizes(60, 576 * 192),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1), sizes(2, 3), sizes(5, 8191), sizes(1, 100003)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {on_gpu("atomic_per_element", "an atomic addition for each element",
                            AISP_DEVICE(plan_atomic_per_element)),
                     on_gpu("two_pass", "sums of blocks to memory, added by a second kernel",
                            AISP_DEVICE(plan_two_pass)),
                     on_gpu("block_reduction", "sums of blocks added by an atomic each",
                            AISP_DEVICE(plan_block_reduction)),
                     on_gpu("cluster_dsmem",
                            "sums of eight blocks added in one's shared memory, then an atomic",
                            AISP_DEVICE(plan_cluster_dsmem), needs_hopper),
                     on_gpu("cluster_global",
                            "the same clusters, sums handed over through global memory",
                            AISP_DEVICE(plan_cluster_global), needs_hopper),
                     on_gpu("cluster_roles", "as cluster_dsmem; a warp brings, eight add up",
                            AISP_DEVICE(plan_cluster_roles), needs_hopper)},
      .device_baseline = "atomic_per_element",
  };
}

}  // namespace aisp::labs::ch10::cluster_group
