// The lab: a dot product for each row, a thread or a warp for each. See README.md.
#include <cmath>

#include "base/rng.h"
#include "labs/ch08_occupancy/ai_optimization/problem.h"

namespace aisp::labs::ch08::ai_optimization {
namespace {

using bench::Device;
using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .shape = {p["rows"], p["n"]}}, {.name = "w", .shape = {p["n"]}}},
          .outputs = {{.name = "y", .shape = {p["rows"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2));
}

bench::Work work(const Params& p) {
  const auto rows = static_cast<double>(p["rows"]), n = static_cast<double>(p["n"]);
  return {.flops = 2.0 * rows * n,
          .bytes_read = 4.0 * (rows * n + n),
          .bytes_written = 4.0 * rows,
          .items = rows,
          .item_name = "tokens"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto rows = static_cast<std::size_t>(p["rows"]), n = static_cast<std::size_t>(p["n"]);
  const float *x = io.in<float>(0).data(), *w = io.in<float>(1).data();
  auto& out = expected.outputs[0];
  out.scale.resize(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    double sum = 0.0, magnitude = 0.0;
    for (std::size_t k = 0; k < n; ++k) {
      const double product = static_cast<double>(x[r * n + k]) * w[k];
      sum += product;
      magnitude += std::fabs(product);
    }
    out.value[r] = sum;
    out.scale[r] = magnitude;
  }
}

/// The probabilistic bound of a dot product of length n. rms: terms of random sign make the error a
/// random walk of roundings of partial sums, 0.1 / sqrt(n) of the bound; inputs in bf16 would show
/// 5000 / n of it, in tf32 670 / n: 0.1 tells both from f32 up to n = 6700.
Tolerance tolerance(const Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["n"]), unit_roundoff(DType::kF32)),
          .rms = 0.1};
}

Params sizes(std::int64_t rows, std::int64_t n) { return {{"rows", rows}, {"n", n}}; }

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What makes a dot product for each row quick: accumulators, vectors, shared "
          "weights, or who reads what?",
      .targets = {"ch08:ai_optimization"},
      .tags = {"memory", "coalescing", "ilp"},
      .cases = {{.name = "value_head_width_2048",
                 .origin = "value head of a reward model on OPT-1.3B: 16,384 tokens x 2048 "
                           "(134 MB)",
                 .smoke = sizes(67, 2048),
                 .full = sizes(16384, 2048),
                 .device = Device::kCuda},
                {.name = "value_head_width_512",
                 .origin = "a head on 65,536 tokens of width 512, Transformer base (134 MB)",
                 .smoke = sizes(300, 512),
                 .full = sizes(65536, 512),
                 .device = Device::kCuda}},
      .ragged = {sizes(1, 1), sizes(3, 5), sizes(130, 33), sizes(7, 4100), sizes(9, 8191)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {{.name = "one_accumulator",
                      .summary = "a thread a row, one accumulator",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_one_accumulator)},
                     {.name = "four_accumulators",
                      .summary = "a thread a row, float4 loads, four accumulators",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_four_accumulators)},
                     {.name = "weights_in_shared",
                      .summary = "the same with the weights in shared memory",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_weights_in_shared)},
                     {.name = "warp_per_row",
                      .summary = "a warp a row: coalesced float4 loads, a shuffle at the end",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_warp_per_row)}},
      .device_baseline = "one_accumulator",
  };
}

}  // namespace aisp::labs::ch08::ai_optimization
