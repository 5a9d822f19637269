// A chain of small steps beside bulk work: who comes first when both want the GPU? See README.md.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch11_streams/priorities/problem.h"

namespace aisp::labs::ch11::priorities {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{"x", DType::kF32, {p["bulk"]}}, {"c0", DType::kF32, {p["width"]}}},
          .outputs = {{"b", DType::kF32, {p["bulk"]}}, {"c", DType::kF32, {p["width"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (std::size_t i = 0; i < 2; ++i) fill_normal(io.fill<float>(i), derive_seed(seed, i));
}

bench::Work work(const Params& p) {
  const auto bulk = static_cast<double>(p["bulk"]), width = static_cast<double>(p["width"]);
  return {.flops = 2.0 * bulk * static_cast<double>(p["rounds"]) +
                   2.0 * width * static_cast<double>(p["steps"]),
          .bytes_read = 4.0 * (bulk + width),
          .bytes_written = 4.0 * (bulk + width),
          .items = static_cast<double>(p["steps"]),
          .item_name = "steps"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto x = io.in<float>(0), c0 = io.in<float>(1);
  const double grown = (1.0 - std::pow(static_cast<double>(kDecay), p["rounds"])) /
                       (1.0 - static_cast<double>(kDecay));  // the geometric sum
  for (std::size_t i = 0; i < x.size(); ++i) expected.outputs[0].value[i] = grown * x[i];
  std::vector<double> c(c0.begin(), c0.end()), next(c.size());
  auto& out = expected.outputs[1];
  for (const float value : c0) out.scale.push_back(std::fabs(value));
  for (std::int64_t step = 0; step < p["steps"]; ++step) {
    std::vector<double> size = out.scale;
    for (std::size_t i = 0; i < c.size(); ++i) {
      const std::size_t right = i + 1 < c.size() ? i + 1 : 0;
      next[i] = 0.5 * (c[i] + c[right]);
      out.scale[i] = 0.5 * (size[i] + size[right]);
    }
    c.swap(next);
  }
  out.value = c;
}

/// b: each round rounds its product and sum, and halves what was before: at most 2 u (1 + 1/2 +
/// ...) = 4 u, all terms of one sign. c: a rounding for each step (halving is exact), averaged with
/// the values: steps u of the mean of magnitudes at most, dot_bound for their random walk. rms: 0.1
/// of that bound or less.
Tolerance tolerance(const Params& p) {
  const auto steps = static_cast<double>(p["steps"]);
  return {.relative = dot_bound(steps, unit_roundoff(DType::kF32)), .rms = 0.25};
}

Params sizes(std::int64_t bulk, std::int64_t rounds, std::int64_t width, std::int64_t steps) {
  return {{"bulk", bulk}, {"rounds", rounds}, {"width", width}, {"steps", steps}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "Does a chain of small steps wait for bulk work, or pass it?",
      .targets = {"ch11:stream_priorities"},
      .tags = {"streams", "priorities", "latency"},
      .cases = {{.name = "decode_beside_prefill",
                 .origin = "64 dependent steps of 4096 values beside 0.6 ms of bulk work",
                 .smoke = sizes(40000, 20, 70, 5),
                 .full = sizes(1 << 23, 1024, 4096, 64),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 1, 1), sizes(300, 3, 5, 2), sizes(4099, 7, 257, 9)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {bench::on_gpu("one_stream", "bulk, then the chain",
                                   AISP_DEVICE(plan_one_stream)),
                     bench::on_gpu("two_streams", "side by side, bulk launched first",
                                   AISP_DEVICE(plan_two_streams)),
                     bench::on_gpu("chain_first", "side by side, the chain launched first",
                                   AISP_DEVICE(plan_chain_first)),
                     bench::on_gpu("high_priority", "bulk launched first, the chain goes before it",
                                   AISP_DEVICE(plan_high_priority))},
      .device_baseline = "one_stream",
  };
}

}  // namespace aisp::labs::ch11::priorities
