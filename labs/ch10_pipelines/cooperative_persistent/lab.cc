// An iteration over a small matrix: five kernels a pass, or one kernel that stays. See README.md.
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch10_pipelines/cooperative_persistent/problem.h"

namespace aisp::labs::ch10::cooperative_persistent {
namespace {

using bench::Io;
using bench::on_gpu;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{"x", DType::kF32, {p["tokens"], p["experts"]}}},
          .outputs = {{"out", DType::kF32, {p["tokens"], p["experts"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
}

/// A pass multiplies and adds every element twice; the exponentials and the last scaling once.
bench::Work work(const Params& p) {
  const double count = static_cast<double>(p["tokens"]) * static_cast<double>(p["experts"]);
  return {.flops = count * (4.0 * static_cast<double>(p["passes"]) + 3.0),
          .bytes_read = 4.0 * count,
          .bytes_written = 4.0 * count,
          .items = static_cast<double>(p["passes"]),
          .item_name = "passes",
          .medium = bench::Work::Medium::kNone};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto T = static_cast<std::size_t>(p["tokens"]), E = static_cast<std::size_t>(p["experts"]);
  const auto x = io.in<float>(0);
  std::vector<double> cost(x.size()), d0(T), d1(E, 1.0), sums(E);
  for (std::size_t i = 0; i < x.size(); ++i) cost[i] = std::exp(static_cast<double>(x[i]));
  for (std::int64_t pass = 0; pass < p["passes"]; ++pass) {
    sums.assign(E, 0.0);
    for (std::size_t t = 0; t < T; ++t) {
      double sum = 0.0;
      for (std::size_t e = 0; e < E; ++e) sum += d1[e] * cost[t * E + e];
      d0[t] = 1.0 / (static_cast<double>(T) * (sum + static_cast<double>(kEpsilon)));
      for (std::size_t e = 0; e < E; ++e) sums[e] += d0[t] * cost[t * E + e];
    }
    for (std::size_t e = 0; e < E; ++e) {
      d1[e] = 1.0 / (static_cast<double>(E) * (sums[e] + static_cast<double>(kEpsilon)));
    }
  }
  for (std::size_t t = 0; t < T; ++t) {
    for (std::size_t e = 0; e < E; ++e) {
      expected.outputs[0].value[t * E + e] = d1[e] * cost[t * E + e] * d0[t];
    }
  }
}

/// Everything is positive, so relative errors add and are never amplified (sums average them). A
/// pass: a sum of E and one of T products, and three roundings after each; around it an exponential
/// within 2 u and two products. rms: errors average out, 0.02 of the bound; bf16 inputs show 1 and
/// more.
Tolerance tolerance(const Params& p) {
  const double u = unit_roundoff(DType::kF32);
  const double pass = dot_bound(2.0 * static_cast<double>(p["experts"]), u) +
                      dot_bound(2.0 * static_cast<double>(p["tokens"]), u) + 6.0 * u;
  return {.relative = pass * static_cast<double>(p["passes"]) + 4.0 * u, .rms = 0.2};
}

Params sizes(std::int64_t tokens, std::int64_t experts, std::int64_t passes) {
  return {{"tokens", tokens}, {"experts", experts}, {"passes", passes}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "What does an iteration gain whose data never leaves the multiprocessors?",
      .targets = {"ch10:cooperative_persistent"},
      .tags = {"launches", "cooperative groups", "latency"},
      .cases = {{.name = "sinkhorn_64_experts",
                 .origin = "Sinkhorn routing, 4096 tokens, 64 experts (OLMoE), 32 passes",
                 .smoke = sizes(300, 64, 3),
                 .full = sizes(4096, 64, 32),
                 .device = bench::Device::kCuda},
                {.name = "sinkhorn_8_experts",
                 .origin = "the same with the 8 experts of Mixtral, 8192 tokens",
                 .smoke = sizes(257, 8, 2),
                 .full = sizes(8192, 8, 32),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 1), sizes(3, 5, 2), sizes(1000, 33, 4), sizes(129, 256, 2)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {on_gpu("five_kernels", "multiply, sum, multiply, sum, finish: five launches",
                            AISP_DEVICE(plan_five_kernels)),
                     on_gpu("graph_of_kernels", "the same kernels as one graph",
                            AISP_DEVICE(plan_graph_of_kernels)),
                     on_gpu("persistent_kernel",
                            "one cooperative kernel, rows in shared memory, a grid barrier a pass",
                            AISP_DEVICE(plan_persistent_kernel),
                            [](const machine::CudaDevice& device) -> bench::WhyNot {
                              return device.cooperative_launch ? "" : "needs cooperative launches";
                            })},
      .device_baseline = "five_kernels",
  };
}

}  // namespace aisp::labs::ch10::cooperative_persistent
