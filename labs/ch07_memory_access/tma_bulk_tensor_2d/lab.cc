// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch07_memory_access/tma_bulk_tensor_2d/problem.h"

namespace aisp::labs::ch07::tma_bulk_tensor_2d {
namespace {

bench::Problem problem(const bench::Params& p) {
  return {.inputs = {{.name = "in", .shape = {p["rows"], p["stride"]}}},
          .outputs = {{.name = "out", .shape = {p["rows"], p["cols"]}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), seed);
}

/// Only the slice is work: the other columns are not read.
bench::Work work(const bench::Params& p) {
  const double elements = static_cast<double>(p["rows"]) * static_cast<double>(p["cols"]);
  return {.bytes_read = 4.0 * elements,
          .bytes_written = 4.0 * elements,
          .items = static_cast<double>(p["rows"]),
          .item_name = "rows"};
}

void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const auto in = io.in<float>(0);
  auto& out = expected.outputs[0].value;
  const auto cols = static_cast<std::size_t>(p["cols"]);
  for (std::size_t at = 0; at < out.size(); ++at) {
    out[at] = in[at / cols * static_cast<std::size_t>(p["stride"]) +
                 static_cast<std::size_t>(p["first"]) + at % cols];
  }
}

// Elements move and nothing is computed: every bit must be right.
Tolerance tolerance(const bench::Params&) { return {}; }

bench::Params sizes(std::int64_t rows, std::int64_t first, std::int64_t cols, std::int64_t stride) {
  return {{"rows", rows}, {"first", first}, {"cols", cols}, {"stride", stride}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "What does a 2-D tile copy gain from the copy engine's tensor maps?",
      .targets = {"ch07:tma_bulk_tensor_2d"},
      .tags = {"memory", "gpu", "tma"},
      .cases = {{.name = "llama2_7b_values",
                 .origin = "Llama 2 7B, V cut out of a fused QKV projection: 8192 tokens x 4096 of "
                           "12288, 2 x 128 MiB",
                 .smoke = sizes(200, 128, 100, 300),
                 .full = sizes(8192, 8192, 4096, 12288),
                 .device = bench::Device::kCuda},
                {.name = "llama3_8b_keys",
                 .origin = "Llama 3 8B, K cut out of a fused QKV projection: 16384 tokens x 1024 "
                           "of 6144, 2 x 64 MiB",
                 .smoke = sizes(64, 64, 64, 192),
                 .full = sizes(16384, 4096, 1024, 6144),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 0, 4, 4), sizes(3, 4, 8, 16), sizes(65, 8, 68, 80),
                 sizes(700, 12, 4100, 4120)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {bench::on_gpu("manual_tile", "through shared memory by the threads",
                                   AISP_DEVICE(plan_manual_tile)),
                     bench::on_gpu("direct_float4", "16 bytes at a time, no shared memory",
                                   AISP_DEVICE(plan_direct_float4)),
                     bench::on_gpu("memcpy_2d", "cudaMemcpy2DAsync", AISP_DEVICE(plan_memcpy_2d)),
                     bench::on_gpu("tma_tile", "the copy engine, a block for each tile",
                                   AISP_DEVICE(plan_tma_tile), bench::needs_sm90),
                     bench::on_gpu("tma_ring", "the copy engine, four tiles in flight a block",
                                   AISP_DEVICE(plan_tma_ring), bench::needs_sm90)},
      .device_baseline = "manual_tile"};
}

}  // namespace aisp::labs::ch07::tma_bulk_tensor_2d
