// Small batches by a kernel with roles: one stream, many, or one launch. See README.md.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch11_streams/warp_specialized_multistream/problem.h"

namespace aisp::labs::ch11::warp_specialized_multistream {
namespace {

using bench::Io;
using bench::on_gpu;
using bench::Params;

bench::Problem problem(const Params& p) {
  const auto batches = p["batches"], rows = p["rows"], width = p["width"];
  return {.inputs = {{"x", DType::kF32, {batches, rows, width}}, {"weight", DType::kF32, {width}}},
          .outputs = {{"y", DType::kF32, {batches, rows, width}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2), 0.5F, 1.5F);
}

bench::Work work(const Params& p) {
  const double rows = static_cast<double>(p["batches"]) * static_cast<double>(p["rows"]);
  const double count = rows * static_cast<double>(p["width"]);
  return {.flops = 4.0 * count,
          .bytes_read = 4.0 * count,
          .bytes_written = 4.0 * count,
          .items = rows,
          .item_name = "rows"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto width = static_cast<std::size_t>(p["width"]);
  const auto x = io.in<float>(0), weight = io.in<float>(1);
  for (std::size_t first = 0; first < x.size(); first += width) {
    double squares = 0.0;
    for (const float value : x.subspan(first, width)) squares += static_cast<double>(value) * value;
    const double factor =
        1.0 / std::sqrt(squares / static_cast<double>(width) + static_cast<double>(kEpsilon));
    for (std::size_t i = 0; i < width; ++i) {
      expected.outputs[0].value[first + i] = x[first + i] * factor * weight[i];
    }
  }
}

/// A mean of squares, halved by the root, and five roundings. rms: honest results show 0.15 of the
/// bound for narrow rows, less for wide ones; bf16 inputs show 2 and more.
Tolerance tolerance(const Params& p) {
  const double u = unit_roundoff(DType::kF32);
  return {.relative = 0.5 * dot_bound(2.0 * static_cast<double>(p["width"]), u) + 5.0 * u,
          .rms = 0.3};
}

Params sizes(std::int64_t batches, std::int64_t rows, std::int64_t width) {
  return {{"batches", batches}, {"rows", rows}, {"width", width}};
}

bench::WhyNot needs_hopper(const machine::CudaDevice& device) { return device.needs_hopper(); }

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What fills a GPU when each batch is too small for it: roles, pipelines, streams?",
      .targets = {"ch11:warp_specialized_multistream", "ch11:warp_specialization_multistream",
                  "ch11:warp_specialized_two_pipelines_driver",
                  "ch11:warp_specialized_two_pipelines_multistream"},
      .tags = {"streams", "tma", "pipeline"},
      .cases = {{.name = "tinyllama_requests",
                 .origin = "RMS norm of TinyLlama-1.1B (2048 wide), 32 requests of 256 tokens",
                 .smoke = sizes(3, 37, 256),
                 .full = sizes(32, 256, 2048),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 4), sizes(2, 5, 12), sizes(5, 130, 2048)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {on_gpu("one_stream", "a launch for each batch, one after another",
                            AISP_DEVICE(plan_one_stream), needs_hopper),
                     on_gpu("two_pipelines", "the same, two pipelines of warps in each block",
                            AISP_DEVICE(plan_two_pipelines), needs_hopper),
                     on_gpu("many_streams", "a launch for each batch, dealt to eight streams",
                            AISP_DEVICE(plan_many_streams), needs_hopper),
                     on_gpu("one_launch", "all batches in one grid", AISP_DEVICE(plan_one_launch),
                            needs_hopper)},
      .device_baseline = "one_stream",
  };
}

}  // namespace aisp::labs::ch11::warp_specialized_multistream
