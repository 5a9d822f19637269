// The lab: column sums with the loop over rows rolled or unrolled. See README.md.
#include <cmath>

#include "base/rng.h"
#include "labs/ch08_occupancy/loop_unrolling/problem.h"

namespace aisp::labs::ch08::loop_unrolling {
namespace {

using bench::Device;
using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .shape = {p["rows"], p["n"]}}},
          .outputs = {{.name = "out", .shape = {p["n"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_uniform(io.fill<float>(0), seed);
}

bench::Work work(const Params& p) {
  const auto rows = static_cast<double>(p["rows"]), n = static_cast<double>(p["n"]);
  return {.flops = rows * n,
          .bytes_read = 4.0 * rows * n,
          .bytes_written = 4.0 * n,
          .items = rows,
          .item_name = "tokens"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto n = static_cast<std::size_t>(p["n"]);
  const auto x = io.in<float>(0);
  auto& out = expected.outputs[0];
  out.scale.resize(n);
  for (std::size_t i = 0; i < x.size(); i += n) {
    for (std::size_t c = 0; c < n; ++c) {
      out.value[c] += x[i + c];
      out.scale[c] += std::fabs(x[i + c]);
    }
  }
}

/// The probabilistic bound of a sum of `rows` terms. rms: terms of random sign make the error a
/// random walk of roundings of partial sums, 0.06 / sqrt(rows) of the bound; bf16 inputs show
/// 2000 / rows of it.
Tolerance tolerance(const Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["rows"]), unit_roundoff(DType::kF32)),
          .rms = 0.1};
}

Params sizes(std::int64_t rows, std::int64_t n, std::int64_t chunks) {
  return {{"rows", rows}, {"n", n}, {"chunks", chunks}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "What does unrolling a loop of loads gain, with many threads and with few?",
      .targets = {"ch08:loop_unrolling"},
      .tags = {"ilp", "memory", "unrolling"},
      .cases = {{.name = "opt_1_3b_bias_gradient",
                 .origin = "gradient of the bias of OPT-1.3B's first MLP layer, 4096 tokens x "
                           "8192 (134 MB), 262,144 threads",
                 .smoke = sizes(300, 257, 4),
                 .full = sizes(4096, 8192, 32),
                 .device = Device::kCuda},
                {.name = "few_threads",
                 .origin = "the same with 32,768 threads, an eighth of the card's, as where "
                           "registers or shared memory leave no more",
                 .smoke = sizes(300, 257, 1),
                 .full = sizes(4096, 8192, 4),
                 .device = Device::kCuda}},
      .ragged = {sizes(1, 1, 1), sizes(17, 3, 5), sizes(33, 129, 2), sizes(15, 64, 1)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {{.name = "plain_loop",
                      .summary = "the loop as written; the compiler unrolls by 4",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_plain_loop)},
                     {.name = "rolled",
                      .summary = "unrolling forbidden",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_rolled)},
                     {.name = "unrolled_8",
                      .summary = "eight loads in flight",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_unrolled_8)},
                     {.name = "unrolled_16",
                      .summary = "sixteen loads in flight",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_unrolled_16)},
                     {.name = "four_sums",
                      .summary = "sixteen loads in flight and four chains of additions",
                      .device = Device::kCuda,
                      .plan = AISP_DEVICE(plan_four_sums)}},
      .device_baseline = "plain_loop",
  };
}

}  // namespace aisp::labs::ch08::loop_unrolling
