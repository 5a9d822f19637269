// Copy in, compute, copy out: one after another, or side by side on streams. See README.md.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch11_streams/streams/problem.h"

namespace aisp::labs::ch11::streams {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .shape = {p["n"]}, .place = bench::Place::kPinned},
                     {"weights", DType::kF32, {3, p["hidden"]}}},
          .outputs = {{.name = "y", .shape = {p["n"]}, .place = bench::Place::kPinned}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
  fill_normal(io.fill<float>(1), derive_seed(seed, 2));
}

bench::Work work(const Params& p) {
  const auto n = static_cast<double>(p["n"]), hidden = static_cast<double>(p["hidden"]);
  return {.flops = 5.0 * n * hidden,
          .bytes_read = 4.0 * n,
          .bytes_written = 4.0 * n,
          .items = n,
          .item_name = "values",
          .medium = bench::Work::Medium::kHostLink};
}

/// scale: sum of |w2| (|w1 x| + |b1|), which the terms of the sum cannot exceed.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto hidden = static_cast<std::size_t>(p["hidden"]);
  const auto x = io.in<float>(0), weights = io.in<float>(1);
  const std::vector<double> w(weights.begin(), weights.end());
  const double *w1 = w.data(), *b1 = w1 + hidden, *w2 = b1 + hidden;
  auto& out = expected.outputs[0];
  double slope = 0.0, constant = 0.0;
  for (std::size_t j = 0; j < hidden; ++j) {
    slope += std::fabs(w2[j] * w1[j]);
    constant += std::fabs(w2[j] * b1[j]);
  }
  out.scale.resize(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double at = x[i];
    double sum = 0.0;
    for (std::size_t j = 0; j < hidden; ++j) sum += w2[j] * std::max(0.0, w1[j] * at + b1[j]);
    out.value[i] = sum;
    out.scale[i] = slope * std::fabs(at) + constant;
  }
}

/// Two roundings for each of `hidden` terms. rms: random walks over terms half of which are zero,
/// 0.03 of the bound; x rounded to bf16 shows 1 and more.
Tolerance tolerance(const Params& p) {
  return {.relative = dot_bound(2.0 * static_cast<double>(p["hidden"]), unit_roundoff(DType::kF32)),
          .rms = 0.15};
}

Params sizes(std::int64_t n, std::int64_t hidden, std::int64_t chunks) {
  return {{"n", n}, {"hidden", hidden}, {"chunks", chunks}};
}

}  // namespace

bench::Lab describe() {
  bench::Technique serial_sync =
      bench::on_gpu("serial_sync", "copy, compute, copy back and wait for each chunk",
                    AISP_DEVICE(plan_serial_sync));
  serial_sync.blocks = true;
  return {
      .question = "How much of the time on the link and on the device can be the same time?",
      .targets = {"ch11:streams", "ch11:adaptive_streams", "ch11:distributed_streams",
                  "ch10:pipeline_3stage"},
      .tags = {"streams", "overlap", "host link"},
      .cases = {{.name = "light",
                 .origin = "16 MB in 16 chunks, 16 hidden units: the link decides",
                 .smoke = sizes(5000, 3, 4),
                 .full = sizes(1 << 22, 16, 16),
                 .device = bench::Device::kCuda},
                {.name = "balanced",
                 .origin = "16 MB in 16 chunks, 384 hidden units: computing takes about as long",
                 .smoke = sizes(4099, 16, 16),
                 .full = sizes(1 << 22, 384, 16),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 1), sizes(3, 2, 8), sizes(17, 5, 3), sizes(1025, 7, 5)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {serial_sync,
                     bench::on_gpu("one_stream", "the same on one stream, no waits in between",
                                   AISP_DEVICE(plan_one_stream)),
                     bench::on_gpu("double_buffered", "two streams with a buffer each, in turn",
                                   AISP_DEVICE(plan_double_buffered)),
                     bench::on_gpu("round_robin", "chunks distributed over four streams",
                                   AISP_DEVICE(plan_round_robin)),
                     bench::on_gpu("stream_per_stage", "a stream for each stage, events in between",
                                   AISP_DEVICE(plan_stream_per_stage)),
                     bench::on_gpu("adaptive_chunks", "three streams, chunks as many as pay",
                                   AISP_DEVICE(plan_adaptive_chunks))},
      .device_baseline = "serial_sync",
  };
}

}  // namespace aisp::labs::ch11::streams
