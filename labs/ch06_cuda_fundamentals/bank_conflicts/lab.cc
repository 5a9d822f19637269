// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch06_cuda_fundamentals/bank_conflicts/problem.h"

namespace aisp::labs::ch06::bank_conflicts {
namespace {

bench::Problem problem(const bench::Params& params) {
  const Shape shape = shape_of(params);
  return {.inputs = {{.name = "activations", .shape = {shape.rows, shape.cols}}},
          .outputs = {{.name = "sums", .shape = {shape.cols}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), seed);
}

bench::Work work(const bench::Params& params) {
  const auto rows = static_cast<double>(params["rows"]);
  const auto cols = static_cast<double>(params["cols"]);
  return {.flops = rows * cols,
          .bytes_read = 4.0 * rows * cols,
          .bytes_written = 4.0 * cols,
          .items = cols,
          .item_name = "channels"};
}

void reference(const bench::Params& params, const bench::Io& io, bench::Expected& expected) {
  const Shape shape = shape_of(params);
  const auto in = io.in<float>(0);
  auto& [value, scale] = expected.outputs[0];
  scale.assign(value.size(), 0.0);
  for (std::size_t at = 0; at < in.size(); ++at) {
    const std::size_t column = at % static_cast<std::size_t>(shape.cols);
    value[column] += static_cast<double>(in[at]);
    scale[column] += std::fabs(static_cast<double>(in[at]));
  }
}

// A sum of `rows` terms in f32, any order (dot_bound). Honest f32 sums come to about 0.004 of that
// bound in the root mean square (0.02 for a handful of rows); terms rounded to bf16 or tf32 to 5 or
// 1.2 of it, so the limit of 0.1 lies well between.
Tolerance tolerance(const bench::Params& params) {
  const auto rows = static_cast<double>(params["rows"]);
  return {.relative = dot_bound(rows, unit_roundoff(DType::kF32)), .rms = 0.1};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does walking a column cost when the row stride is a power of two, and is "
          "padding the cure?",
      .targets = {"ch06:bank_conflicts"},
      .tags = {"memory", "cache"},
      .cases = {{.name = "llama3_8b_hidden",
                 .origin = "per-channel activation statistics of Llama 3 8B, 512 tokens x 4096: "
                           "rows 16 KiB apart",
                 .smoke = {{"rows", 24}, {"cols", 1024}},
                 .full = {{"rows", 512}, {"cols", 4096}}},
                {.name = "falcon_7b_hidden",
                 .origin =
                     "the same of Falcon 7B, 512 tokens x 4544 (71 heads x 64): no power of two",
                 .smoke = {{"rows", 24}, {"cols", 1136}},
                 .full = {{"rows", 512}, {"cols", 4544}}},
                {.name = "gpt2_bias_grad",
                 .origin = "bias gradient of GPT-2 small, 1024 tokens x 768",
                 .smoke = {{"rows", 32}, {"cols", 96}},
                 .full = {{"rows", 1024}, {"cols", 768}}},
                {.name = "llama3_8b_norm_grad_gpu",
                 .origin = "gradient of a norm's weights of Llama 3 8B, 16384 tokens x 4096 on a "
                           "GPU: 256 MiB",
                 .smoke = {{"rows", 1030}, {"cols", 100}},
                 .full = {{"rows", 16384}, {"cols", 4096}},
                 .device = bench::Device::kCuda}},
      .ragged = {{{"rows", 1}, {"cols", 1}},
                 {{"rows", 1}, {"cols", 333}},
                 {{"rows", 333}, {"cols", 1}},
                 {{"rows", 3}, {"cols", 17}},
                 {{"rows", 65}, {"cols", 63}},
                 {{"rows", 67}, {"cols", 129}},
                 {{"rows", 130}, {"cols", 1025}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {column_walk(), conflicting_copy(), padded_copy(), line_strips(), row_order(),
                     row_order_avx2(), row_order_avx512(),
                     bench::on_gpu("shared_tile", "32 x 32 tile, a column of it in one bank",
                                   AISP_DEVICE(plan_shared_tile)),
                     bench::on_gpu("shared_tile_padded", "the same tile with rows of 33 floats",
                                   AISP_DEVICE(plan_shared_tile_padded)),
                     bench::on_gpu("shared_tile_swizzled", "the same tile, column ^ row",
                                   AISP_DEVICE(plan_shared_tile_swizzled)),
                     bench::on_gpu("thread_per_column", "sums in registers, no shared memory",
                                   AISP_DEVICE(plan_thread_per_column))},
      .baseline = "column_walk",
      .device_baseline = "shared_tile",
  };
}

}  // namespace aisp::labs::ch06::bank_conflicts
