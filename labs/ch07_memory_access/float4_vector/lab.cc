// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch07_memory_access/float4_vector/problem.h"

namespace aisp::labs::ch07::float4_vector {
namespace {

bench::Problem problem(const bench::Params& p) {
  return {.inputs = {{.name = "x", .shape = {p["n"]}}, {.name = "y", .shape = {p["n"]}}},
          .outputs = {{.name = "out", .shape = {p["n"]}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2));
}

bench::Work work(const bench::Params& p) {
  const auto n = static_cast<double>(p["n"]);
  return {.flops = n,
          .bytes_read = 8.0 * n,
          .bytes_written = 4.0 * n,
          .items = n,
          .item_name = "elements"};
}

void reference(const bench::Params&, const bench::Io& io, bench::Expected& expected) {
  const auto x = io.in<float>(0), y = io.in<float>(1);
  for (std::size_t i = 0; i < x.size(); ++i) {
    expected.outputs[0].value[i] = static_cast<double>(x[i]) + static_cast<double>(y[i]);
  }
}

/// One rounding: at most u of the value, uniform within a step of u to 2u of it.
Tolerance tolerance(const bench::Params&) {
  return {.relative = unit_roundoff(DType::kF32), .rms = 0.6};
}

}  // namespace

bench::Lab describe() {
  using bench::Device;
  return {.question = "Does a GPU's addition gain from accesses of 16 or 32 bytes?",
          .targets = {"ch07:float4_vector", "ch07:float8_vector"},
          .tags = {"memory", "gpu"},
          .cases = {{.name = "llama3_8b_prompt",
                     .origin = "residual stream of a prompt of 8192 tokens of Llama 3 8B, 3 x 128 "
                               "MiB",
                     .smoke = {{"n", 100003}},
                     .full = {{"n", 8192 * 4096}},
                     .device = Device::kCuda},
                    {.name = "llama3_8b_batch_64",
                     .origin = "the same of 64 sequences that decode, 3 x 1 MiB, in the L2",
                     .smoke = {{"n", 4096}},
                     .full = {{"n", 64 * 4096}},
                     .device = Device::kCuda}},
          .ragged = {{{"n", 1}}, {{"n", 3}}, {{"n", 9}}, {{"n", 2047}}, {{"n", 4097}}},
          .problem = problem,
          .prepare = prepare,
          .work = work,
          .reference = reference,
          .tolerance = tolerance,
          .techniques = {bench::on_gpu("floats", "4 bytes a thread", AISP_DEVICE(plan_floats)),
                         bench::on_gpu("float4s", "16 bytes a thread", AISP_DEVICE(plan_float4s)),
                         bench::on_gpu("float8s", "structs of 32 bytes", AISP_DEVICE(plan_float8s)),
                         bench::on_gpu("two_float4s", "twice 16 bytes, a block apart",
                                       AISP_DEVICE(plan_two_float4s))},
          .device_baseline = "floats"};
}

}  // namespace aisp::labs::ch07::float4_vector
