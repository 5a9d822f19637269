// Uneven segments: a launch for each, from the host or from the device, or one grid for all. See
// README.md.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch12_graphs/uneven_partition/problem.h"

namespace aisp::labs::ch12::uneven_partition {
namespace {

using bench::Io;
using bench::Params;

std::int64_t total(const Params& p) {
  const auto lengths = lengths_by_rank(p);
  return std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
}

bench::Problem problem(const Params& p) {
  const bench::TensorSpec offsets = {
      .name = "offsets", .dtype = DType::kI32, .shape = {p["segments"] + 1}, .structured = true};
  bench::TensorSpec host = offsets;
  host.name = "offsets_host";
  host.place = bench::Place::kHost;
  return {.inputs = {{"x", DType::kF32, {total(p)}}, offsets, host},
          .outputs = {{"y", DType::kF32, {total(p)}}}};
}

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
  auto lengths = lengths_by_rank(p);
  Rng rng(derive_seed(seed, 2));
  for (std::size_t i = lengths.size(); i > 1; --i) std::swap(lengths[i - 1], lengths[rng.below(i)]);
  for (const std::size_t input : {1U, 2U}) {
    const auto offsets = io.fill<std::int32_t>(input);
    offsets[0] = 0;
    std::partial_sum(lengths.begin(), lengths.end(), offsets.begin() + 1);
  }
}

bench::Work work(const Params& p) {
  const auto n = static_cast<double>(total(p));
  return {.flops = 3.0 * n,
          .bytes_read = 4.0 * n,
          .bytes_written = 4.0 * n,
          .items = static_cast<double>(p["segments"]),
          .item_name = "segments"};
}

/// scale: the bound in units of roundoff. A mean of n positive squares errs by at most
/// 6 sqrt(n + 2) u, the root halves that; root, division, product and the square round once each.
void reference(const Params&, const Io& io, bench::Expected& expected) {
  const auto x = io.in<float>(0);
  const auto offsets = io.in<std::int32_t>(1);
  auto& out = expected.outputs[0];
  out.scale.assign(out.value.size(), 0.0);
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const auto first = static_cast<std::size_t>(offsets[s]);
    const auto last = static_cast<std::size_t>(offsets[s + 1]);
    double squares = 0.0;
    for (std::size_t i = first; i < last; ++i) squares += static_cast<double>(x[i]) * x[i];
    const auto n = static_cast<double>(last - first);
    const double root = std::sqrt(squares / n + static_cast<double>(kEpsilon));
    for (std::size_t i = first; i < last; ++i) {
      out.value[i] = x[i] / root;
      out.scale[i] = std::fabs(out.value[i]) * (3.0 * std::sqrt(n + 2.0) + 4.0);
    }
  }
}

/// rms: honest results show 0.1 to 0.15 of the bound for short segments, less for long ones; inputs
/// rounded to bf16 show 10 and more there.
Tolerance tolerance(const Params&) { return {.relative = unit_roundoff(DType::kF32), .rms = 0.3}; }

Params sizes(std::int64_t segments, std::int64_t longest) {
  return {{"segments", segments}, {"longest", longest}};
}

}  // namespace

std::vector<std::int32_t> lengths_by_rank(const Params& p) {
  std::vector<std::int32_t> lengths(static_cast<std::size_t>(p["segments"]));
  for (std::size_t rank = 0; rank < lengths.size(); ++rank) {
    lengths[rank] = static_cast<std::int32_t>(
        std::max<std::int64_t>(1, p["longest"] / static_cast<std::int64_t>(rank + 1)));
  }
  return lengths;
}

bench::Lab describe() {
  return {
      .question = "Who should start work on a thousand pieces when no two are of one size?",
      .targets = {"ch12:uneven_partition", "ch12:uneven_static", "ch12:dynamic_parallelism_host",
                  "ch12:dynamic_parallelism_device"},
      .tags = {"scheduling", "latency", "dynamic parallelism"},
      .cases = {{.name = "zipf_documents",
                 .origin = "4096 documents, lengths as 1 / rank (Zipf) up to 262,144: 2.3 M values",
                 .smoke = sizes(70, 3000),
                 .full = sizes(4096, 262144),
                 .device = bench::Device::kCuda},
                {.name = "zipf_large",
                 .origin = "1024 columns of a packed batch, lengths as 1 / rank up to 4 M: 31 M",
                 .smoke = sizes(9, 20000),
                 .full = sizes(1024, 4194304),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1), sizes(3, 2), sizes(130, 515), sizes(2, 9001)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {bench::launching_more_than_the_queue_holds(
                         bench::on_gpu("launch_per_segment", "the host launches a block a segment",
                                       AISP_DEVICE(plan_launch_per_segment))),
                     bench::on_gpu("device_launch", "a parent grid launches a block a segment",
                                   AISP_DEVICE(plan_device_launch)),
                     bench::on_gpu("one_wide_grid", "one launch, a block for each segment",
                                   AISP_DEVICE(plan_one_wide_grid)),
                     bench::on_gpu("equal_shares", "resident blocks with equal counts of segments",
                                   AISP_DEVICE(plan_equal_shares)),
                     bench::on_gpu("pull_segments", "resident blocks take from a counter",
                                   AISP_DEVICE(plan_pull_segments)),
                     bench::on_gpu("split_chunks",
                                   "equal chunks of values, whose segment is looked up",
                                   AISP_DEVICE(plan_split_chunks))},
      .device_baseline = "launch_per_segment",
  };
}

}  // namespace aisp::labs::ch12::uneven_partition
