// The lab: a thresholded activation, branchy, predicated, and staged. See README.md.
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "labs/ch08_occupancy/threshold/problem.h"

namespace aisp::labs::ch08::threshold {
namespace {

using bench::Device;
using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .shape = {p["n"]}}},
          .outputs = {{.name = "out", .shape = {p["n"]}}}};
}

/// Standard normal. grouped = 1: sorted by magnitude, so that no warp but one diverges.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const auto x = io.fill<float>(0);
  fill_normal(x, seed);
  if (p["grouped"] == 0) return;
  // Magnitudes below the threshold first; the order inside does not matter to a warp.
  std::partition(x.begin(), x.end(), [](float value) { return std::fabs(value) <= kThreshold; });
}

/// Half of the elements need the exponential, the sum and the division.
bench::Work work(const Params& p) {
  const auto n = static_cast<double>(p["n"]);
  return {.flops = 1.5 * n,
          .bytes_read = 4.0 * n,
          .bytes_written = 4.0 * n,
          .items = n,
          .item_name = "elements"};
}

void reference(const Params&, const Io& io, bench::Expected& expected) {
  const auto x = io.in<float>(0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = x[i];
    const bool open = std::fabs(x[i]) > kThreshold;
    expected.outputs[0].value[i] = open ? value / (1.0 + std::exp(-value)) : 0.0;
  }
}

/// expf is right to 1 ulp (2 u), the sum and the division round once each: 4 u of the value; closed
/// elements are exactly 0. rms: 0.2 of the bound over the open half; bf16 would show 40.
Tolerance tolerance(const Params&) {
  return {.relative = 4.0 * unit_roundoff(DType::kF32), .absolute = 0x1p-140, .rms = 0.3};
}

Params sizes(std::int64_t n, std::int64_t grouped) { return {{"n", n}, {"grouped", grouped}}; }

}  // namespace

bench::Lab describe() {
  constexpr std::int64_t kHidden = 14336;  // of Llama-3-8B's and Mistral-7B's MLP
  return {
      .question =
          "Does a branch inside a memory-bound kernel cost anything, and does staging "
          "through shared memory help it?",
      .targets = {"ch08:threshold", "ch08:thresholdtma"},
      .tags = {"divergence", "memory", "pipeline", "tma"},
      .cases = {{.name = "cats_mistral_7b",
                 .origin = "CATS's thresholded gate of Mistral-7B, 1024 tokens x 14336, half of it "
                           "open at random (117 MB)",
                 .smoke = sizes(kHidden + 3, 0),
                 .full = sizes(1024 * kHidden, 0),
                 .device = Device::kCuda},
                {.name = "grouped",
                 .origin = "the same with the closed elements together: no warp diverges",
                 .smoke = sizes(kHidden, 1),
                 .full = sizes(1024 * kHidden, 1),
                 .device = Device::kCuda}},
      .ragged = {sizes(1, 0), sizes(31, 0), sizes(2049, 0), sizes(40963, 1)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques =
          {{.name = "branchy",
            .summary = "an if around the activation",
            .device = Device::kCuda,
            .plan = AISP_DEVICE(plan_branchy)},
           {.name = "predicated",
            .summary = "computed for all, then selected",
            .device = Device::kCuda,
            .plan = AISP_DEVICE(plan_predicated)},
           {.name = "predicated_vectorized",
            .summary = "the same, 2 x 16 bytes a thread",
            .device = Device::kCuda,
            .plan = AISP_DEVICE(plan_predicated_vectorized)},
           {.name = "staged_pipeline",
            .summary = "cp.async to shared memory, four stages",
            .device = Device::kCuda,
            .needs_device = [](const machine::CudaDevice& device) { return device.needs(8); },
            .plan = AISP_DEVICE(plan_staged_pipeline)},
           {.name = "staged_tma",
            .summary = "tiles in and out by the copy engine, three buffers",
            .device = Device::kCuda,
            .needs_device = [](const machine::CudaDevice& device) { return device.needs_hopper(); },
            .plan = AISP_DEVICE(plan_staged_tma)}},
      .device_baseline = "branchy",
  };
}

}  // namespace aisp::labs::ch08::threshold
