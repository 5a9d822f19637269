// A branch that nobody can predict, and the same work without one. See README.md.
#include <algorithm>
#include <vector>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch06_cuda_fundamentals/warp_divergence/problem.h"

namespace aisp::labs::ch06::warp_divergence {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{"pred", DType::kF32, {p["n"]}}, {"target", DType::kF32, {p["n"]}}},
          .outputs = {{"loss", DType::kF32, {p["n"]}}}};
}

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const auto pred = io.fill<float>(0), target = io.fill<float>(1);
  fill_normal(target, derive_seed(seed, 1));
  std::vector<float> d(target.size());
  fill_normal(d, derive_seed(seed, 2));
  if (p["sorted"] == 1) {
    std::sort(d.begin(), d.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  }
  const float spread = 0.01f * static_cast<float>(p["spread_percent"]);
  for (std::size_t i = 0; i < d.size(); ++i) pred[i] = target[i] + spread * d[i];
}

bench::Work work(const Params& p) {
  const auto n = static_cast<double>(p["n"]);
  return {.flops = 3.0 * n,  // the difference and either side, about
          .bytes_read = 8.0 * n,
          .bytes_written = 4.0 * n,
          .items = n,
          .item_name = "coordinates"};
}

void reference(const Params&, const Io& io, bench::Expected& expected) {
  const auto pred = io.in<float>(0), target = io.in<float>(1);
  auto& out = expected.outputs[0];
  out.scale.resize(pred.size());
  for (std::size_t i = 0; i < pred.size(); ++i) {
    const double d = static_cast<double>(pred[i]) - static_cast<double>(target[i]);
    const double size = std::fabs(d);
    out.value[i] = size < 1.0 ? 0.5 * d * d : size - 0.5;
    out.scale[i] = size < 1.0 ? out.value[i] : size;
  }
}

/// The difference rounds once, (1 + u) d; its square doubles that and rounds once more: 3 u of the
/// value. The line: u |d| from the difference, less than u |d| from the subtraction. 4 u covers the
/// second order. rms: a rounding is u / 3 at most, the square's sqrt(4 + 1) times that, 0.19 of the
/// bound; bf16 inputs would be beyond 1000.
Tolerance tolerance(const Params&) {
  return {.relative = 4.0 * unit_roundoff(DType::kF32), .absolute = 0x1p-140, .rms = 0.25};
}

Params sizes(std::int64_t n, std::int64_t spread_percent, std::int64_t sorted) {
  return {{"n", n}, {"spread_percent", spread_percent}, {"sorted", sorted}};
}

}  // namespace

std::unique_ptr<bench::Plan> plan_loss(const Params& params, Kernel kernel) {
  return bench::plan_of([kernel, n = params["n"]](const Io& io) {
    kernel({io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), n});
  });
}

bench::Lab describe() {
  // SSD300 predicts 4 coordinates for each of 8732 default boxes. A standard deviation of 1.48 puts
  // half of the elements on each side.
  constexpr std::int64_t kSsd = 4 * 8732;
  constexpr std::int64_t kBatch = 256 * kSsd;  // 107 MB: twice the second-level cache of a GPU
  return {
      .question = "What does a branch cost that nobody can predict, and what when one can?",
      .targets = {"ch06:warp_divergence_ilp", "ch08:threshold"},
      .tags = {"branch", "simd"},
      .cases = {{.name = "early_training",
                 .origin = "SSD300 box regression, one image: half of the errors above 1",
                 .smoke = sizes(1003, 148, 0),
                 .full = sizes(kSsd, 148, 0)},
                {.name = "late_training",
                 .origin = "SSD300 box regression, one image: 5 % of the errors above 1",
                 .smoke = sizes(1003, 50, 0),
                 .full = sizes(kSsd, 50, 0)},
                {.name = "sorted_errors",
                 .origin =
                     "as early_training, sorted for hard-example mining: the predictable case",
                 .smoke = sizes(1003, 148, 1),
                 .full = sizes(kSsd, 148, 1)},
                {.name = "early_training_gpu",
                 .origin = "SSD300 box regression, 256 images on a GPU: half of the errors above 1",
                 .smoke = sizes(1003, 148, 0),
                 .full = sizes(kBatch, 148, 0),
                 .device = bench::Device::kCuda},
                {.name = "sorted_errors_gpu",
                 .origin = "the same 256 images, sorted: every warp but one agrees",
                 .smoke = sizes(1003, 148, 1),
                 .full = sizes(kBatch, 148, 1),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 100, 0), sizes(7, 100, 0), sizes(15, 100, 1), sizes(17, 100, 0),
                 sizes(33, 300, 0)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {branch(), clipped_minimum(), blend_scalar(), blend_portable(), blend_avx2(),
                     blend_avx512(),
                     bench::on_gpu("branch_a_thread", "an if, a thread for each coordinate",
                                   AISP_DEVICE(plan_branch_a_thread)),
                     bench::on_gpu("jump_a_thread", "the same if with sides that stay calls",
                                   AISP_DEVICE(plan_jump_a_thread)),
                     bench::on_gpu("select_four_a_thread", "both sides, one selected, 16 bytes",
                                   AISP_DEVICE(plan_select_four_a_thread)),
                     bench::on_gpu("sorted_by_side", "indices parted by side, then two lists",
                                   AISP_DEVICE(plan_sorted_by_side))},
      .baseline = "branch",
      .device_baseline = "branch_a_thread",
  };
}

}  // namespace aisp::labs::ch06::warp_divergence
