// One kernel, five bounds. See README.md.
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch06_cuda_fundamentals/launch_bounds/problem.h"

namespace aisp::labs::ch06::launch_bounds {
namespace {

bench::Problem problem(const bench::Params& p) {
  return {.inputs = {{.name = "logits", .shape = {p["tokens"], kExperts}}},
          .outputs = {{.name = "gates", .shape = {p["tokens"], kExperts}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), seed, -4.0f, 4.0f);
}

/// An exponential, a division's share and the two comparisons of an element: 5 operations.
bench::Work work(const bench::Params& p) {
  const double elements = static_cast<double>(p["tokens"]) * kExperts;
  return {.flops = 5.0 * elements,
          .bytes_read = 4.0 * elements,
          .bytes_written = 4.0 * elements,
          .items = static_cast<double>(p["tokens"]),
          .item_name = "tokens"};
}

void reference(const bench::Params&, const bench::Io& io, bench::Expected& expected) {
  const auto logits = io.in<float>(0);
  auto& gates = expected.outputs[0].value;
  for (std::size_t row = 0; row < logits.size(); row += kExperts) {
    double sum = 0.0;
    const double largest = *std::max_element(&logits[row], &logits[row] + kExperts);
    for (std::size_t i = row; i < row + kExperts; ++i) {
      gates[i] = std::exp(static_cast<double>(logits[i]) - largest);
      sum += gates[i];
    }
    for (std::size_t i = row; i < row + kExperts; ++i) gates[i] /= sum;
  }
}

/// x - max rounds to within 8 u (|x - max| <= 8), which is relative in the exponential; expf adds 4
/// u, the sum of positive terms 64 u at most, the reciprocal and the product 2 u each: 80 u of the
/// value. In the mean the sum's roundings are a walk, 5 u in all: 0.1 of the bound; bf16 logits
/// would show 0.004, 800 of it.
Tolerance tolerance(const bench::Params&) {
  return {.relative = 80.0 * unit_roundoff(DType::kF32), .rms = 0.1};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "When does telling the compiler how many blocks shall fit make a kernel quicker?",
      .targets = {"ch06:launch_bounds", "ch06:launch_bounds_cuda", "ch06:launch_bounds_gmem"},
      .tags = {"gpu", "occupancy", "registers"},
      .cases = {{.name = "olmoe_router",
                 .origin = "OLMoE 1B-7B, router of 64 experts, 524288 tokens of a training "
                           "step: 2 x 128 MiB",
                 .smoke = {{"tokens", 777}},
                 .full = {{"tokens", 524288}},
                 .device = bench::Device::kCuda}},
      .ragged = {{{"tokens", 1}}, {{"tokens", 255}}, {{"tokens", 257}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {bench::on_gpu("no_bounds", "what the compiler does unasked",
                                   AISP_DEVICE(plan_no_bounds)),
                     bench::on_gpu("threads_only", "blocks of 256 threads",
                                   AISP_DEVICE(plan_threads_only)),
                     bench::on_gpu("two_blocks", "two of them on a multiprocessor",
                                   AISP_DEVICE(plan_two_blocks)),
                     bench::on_gpu("four_blocks", "four of them: 64 registers",
                                   AISP_DEVICE(plan_four_blocks)),
                     bench::on_gpu("eight_blocks", "eight of them: 32 registers",
                                   AISP_DEVICE(plan_eight_blocks))},
      .device_baseline = "no_bounds"};
}

}  // namespace aisp::labs::ch06::launch_bounds
