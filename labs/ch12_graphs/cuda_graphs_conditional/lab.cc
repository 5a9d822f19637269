// A branch on what the device computed: taken by the host, by a graph, or inside the kernel. See
// README.md.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch12_graphs/cuda_graphs_conditional/problem.h"

namespace aisp::labs::ch12::cuda_graphs_conditional {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{"p0", DType::kF32, {p["n"]}},
                     {.name = "g", .shape = {p["steps"], p["n"]}, .structured = true}},
          .outputs = {{"p", DType::kF32, {p["n"]}}}};
}

/// Which steps overflow and where follows from the seed; how many does not.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
  const auto g = io.fill<float>(1);
  fill_normal(g, derive_seed(seed, 2));
  Rng rng(derive_seed(seed, 3));
  const auto steps = static_cast<std::uint64_t>(p["steps"]), n = static_cast<std::uint64_t>(p["n"]);
  const std::uint64_t first = rng.below(4);
  for (std::uint64_t k = 0; k < steps; ++k) {
    if ((k + first) % 4 == 0) g[k * n + rng.below(n)] = k % 2 == 0 ? 7e4F : -7e4F;
  }
}

/// All gradients are looked at; three quarters of them are applied.
bench::Work work(const Params& p) {
  const auto n = static_cast<double>(p["n"]), steps = static_cast<double>(p["steps"]);
  return {.flops = 2.0 * n * 0.75 * steps,
          .bytes_read = 4.0 * n * (1.0 + steps),
          .bytes_written = 4.0 * n,
          .items = steps,
          .item_name = "steps"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto n = static_cast<std::size_t>(p["n"]), steps = static_cast<std::size_t>(p["steps"]);
  const auto p0 = io.in<float>(0), g = io.in<float>(1);
  auto& out = expected.outputs[0];
  out.value.assign(p0.begin(), p0.end());
  out.scale.assign(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) out.scale[i] = std::fabs(out.value[i]);
  for (std::size_t k = 0; k < steps; ++k) {
    const auto step = g.subspan(k * n, n);
    bool overflow = false;
    for (const float value : step) overflow = overflow || std::fabs(value) > kLargest;
    if (overflow) continue;
    for (std::size_t i = 0; i < n; ++i) {
      const double change = static_cast<double>(kRate) * static_cast<double>(step[i]);
      out.value[i] -= change;
      out.scale[i] += std::fabs(change);
    }
  }
}

/// A sum of steps + 1 terms, two roundings each (one with a fused multiply-add). rms: the roundings
/// are a random walk, 0.1 of the bound.
Tolerance tolerance(const Params& p) {
  return {.relative = dot_bound(2.0 * static_cast<double>(p["steps"]), unit_roundoff(DType::kF32)),
          .rms = 0.2};
}

Params sizes(std::int64_t steps, std::int64_t n) { return {{"steps", steps}, {"n", n}}; }

/// Conditional nodes came with CUDA 12.4.
bench::WhyNot needs_conditional_nodes(const machine::CudaDevice& device) {
  return device.driver_version >= 12040 ? "" : "needs a driver of CUDA 12.4";
}

}  // namespace

bench::Lab describe() {
  bench::Technique host_branch =
      bench::on_gpu("host_branch", "the host copies the flag, waits, and launches or not",
                    AISP_DEVICE(plan_host_branch));
  host_branch.blocks = true;
  return {
      .question = "What does it cost that the host decides what the device already knows?",
      .targets = {"ch12:cuda_graphs_conditional", "ch12:cuda_graphs_conditional_enhanced",
                  "ch12:graph_conditional_runtime"},
      .tags = {"latency", "graphs"},
      .cases = {{.name = "lora_adapters",
                 .origin = "LoRA of rank 16 on the 4 attention matrices of a Llama-3-8B layer",
                 .smoke = sizes(8, 1000),
                 .full = sizes(32, 16 * 4096 * 8),
                 .device = bench::Device::kCuda},
                {.name = "smollm_135m_layer",
                 .origin = "SmolLM-135M: the 3.5 M parameters of one layer, 8 steps",
                 .smoke = sizes(5, 4099),
                 .full = sizes(8, 3540096),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1), sizes(4, 3), sizes(7, 1025)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {host_branch,
                     bench::on_gpu("if_nodes", "a graph with a conditional node for each step",
                                   AISP_DEVICE(plan_if_nodes), needs_conditional_nodes),
                     bench::on_gpu("while_node", "a loop node around one step, with an if inside",
                                   AISP_DEVICE(plan_while_node), needs_conditional_nodes),
                     bench::on_gpu("flag_in_kernel", "always launched, the kernel reads the flag",
                                   AISP_DEVICE(plan_flag_in_kernel))},
      .device_baseline = "host_branch",
  };
}

}  // namespace aisp::labs::ch12::cuda_graphs_conditional
