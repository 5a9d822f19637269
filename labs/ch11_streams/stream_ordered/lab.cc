// Memory for a step: from the driver each time, from a pool in stream order, or kept. See
// README.md.
#include <algorithm>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch11_streams/stream_ordered/problem.h"

namespace aisp::labs::ch11::stream_ordered {
namespace {

using bench::Io;
using bench::Params;

std::int64_t total(const Params& p) {
  const Step last = steps_of(p).back();
  return last.begin + last.count;
}

bench::Problem problem(const Params& p) {
  return {.inputs = {{"x", DType::kF32, {total(p)}}}, .outputs = {{"y", DType::kF32, {total(p)}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
}

bench::Work work(const Params& p) {
  const auto n = static_cast<double>(total(p));
  return {.flops = 2.0 * n,
          .bytes_read = 4.0 * n,
          .bytes_written = 4.0 * n,
          .items = static_cast<double>(p["steps"]),
          .item_name = "steps"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  for (const Step& step : steps_of(p)) {
    const float* x = io.in<float>(0).data() + step.begin;
    double* y = expected.outputs[0].value.data() + step.begin;
    for (std::int64_t i = 0; i < step.count; ++i) {
      const double a = x[i], b = x[step.count - 1 - i];
      y[i] = a * a * (b * b);
    }
  }
}

/// Three products, each rounds once: 3 u and 1 % for the second order; squares of tiny values may
/// be subnormal, 2^-149 there. rms: three roundings of at most u / sqrt(3): 0.33 of the bound at
/// worst.
Tolerance tolerance(const Params&) {
  return {.relative = 3.03 * unit_roundoff(DType::kF32), .absolute = 3e-45, .rms = 0.4};
}

Params sizes(std::int64_t steps, std::int64_t n) { return {{"steps", steps}, {"n", n}}; }

bench::WhyNot needs_pools(const machine::CudaDevice& device) {
  return device.memory_pools ? "" : "needs memory pools";
}

}  // namespace

std::vector<Step> steps_of(const Params& p) {
  std::vector<Step> steps;
  std::int64_t begin = 0;
  for (std::int64_t k = 0; k < p["steps"]; ++k) {
    const std::int64_t count = std::max<std::int64_t>(1, p["n"] * (1 + k % 4) / 4);
    steps.push_back({begin, count});
    begin += count;
  }
  return steps;
}

bench::Lab describe() {
  bench::Technique malloc_per_step =
      bench::on_gpu("malloc_per_step", "cudaMalloc and cudaFree in every step",
                    AISP_DEVICE(plan_malloc_per_step));
  malloc_per_step.blocks = true;
  return {
      .question = "What does memory cost that is asked for and returned in every step?",
      .targets = {"ch11:stream_ordered"},
      .tags = {"allocation", "streams", "graphs", "latency"},
      .cases = {{.name = "decode_activations",
                 .origin = "Llama-3-8B MLP activations (14336 wide) of 8 to 32 sequences, 64 steps",
                 .smoke = sizes(6, 1000),
                 .full = sizes(64, 32 * 14336),
                 .device = bench::Device::kCuda},
                {.name = "prefill_activations",
                 .origin = "the same of 64 to 256 tokens, 16 steps",
                 .smoke = sizes(3, 4099),
                 .full = sizes(16, 256 * 14336),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1), sizes(5, 3), sizes(4, 257)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {malloc_per_step,
                     bench::on_gpu("default_pool", "cudaMallocAsync from the device's pool",
                                   AISP_DEVICE(plan_default_pool), needs_pools),
                     bench::on_gpu("kept_pool", "from a pool that keeps what is returned",
                                   AISP_DEVICE(plan_kept_pool), needs_pools),
                     bench::on_gpu("graph_memory", "a graph whose nodes allocate and free",
                                   AISP_DEVICE(plan_graph_memory), needs_pools),
                     bench::on_gpu("one_workspace", "the largest step's memory, kept by the plan",
                                   AISP_DEVICE(plan_one_workspace))},
      .device_baseline = "malloc_per_step",
  };
}

}  // namespace aisp::labs::ch11::stream_ordered
