// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch06_cuda_fundamentals/add/problem.h"

namespace aisp::labs::ch06::add {
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

/// One rounding: at most u of the value, and uniform within a step that is u to 2u of it: rms below
/// 1 / sqrt(3) of the bound. Data rounded to bf16 are 2^16 times beyond it.
Tolerance tolerance(const bench::Params&) {
  return {.relative = unit_roundoff(DType::kF32), .rms = 0.6};
}

}  // namespace

Add choose_add(const machine::Cpu& cpu) {
  if (cpu.avx512) return add_avx512;
  if (cpu.avx2) return add_avx2;
  return add_plain;
}

bool beyond_caches(std::size_t count, const machine::Cpu& cpu) {
  const std::size_t cache = cpu.cache_bytes(3) != 0 ? cpu.cache_bytes(3) : cpu.cache_bytes(2);
  return 3 * sizeof(float) * count > cache;
}

bench::Lab describe() {
  return {
      .question = "What does a vector addition cost when every element is an operation of its own?",
      .targets = {"ch06:add", "ch06:add_cuda", "ch06:add_tensors", "ch06:add_tensors_cuda",
                  "ch07:float4_vector", "ch07:float8_vector"},
      .tags = {"memory", "simd", "dispatch"},
      .cases = {{.name = "llama3_8b_one_token",
                 .origin = "residual stream of one token in Llama 3 8B: 4096 floats, 48 KiB in L2",
                 .smoke = {{"n", 1024}},
                 .full = {{"n", 4096}}},
                {.name = "llama3_8b_prompt",
                 .origin = "residual stream of a prompt of 1024 tokens in Llama 3 8B, 1024 x 4096: "
                           "48 MiB in DRAM",
                 .smoke = {{"n", 4099}},
                 .full = {{"n", 1024 * 4096}}},
                {.name = "one_token_gpu",
                 .origin = "residual stream of one token in Llama 3 8B on a GPU: 4096 floats",
                 .smoke = {{"n", 1027}},
                 .full = {{"n", 4096}},
                 .device = bench::Device::kCuda}},
      .ragged = {{{"n", 1}}, {{"n", 7}}, {{"n", 9}}, {{"n", 17}}, {{"n", 129}}, {{"n", 200003}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {op_per_element(), scalar(), plain_loop(), simd_avx2(), simd_avx512(),
                     streaming(), simd_threads(),
                     bench::on_gpu("kernel_per_element", "a kernel launch for each element",
                                   AISP_DEVICE(plan_kernel_per_element)),
                     bench::on_gpu("one_thread", "one thread loops over the vector",
                                   AISP_DEVICE(plan_one_thread)),
                     bench::on_gpu("thread_per_element", "one thread for each element",
                                   AISP_DEVICE(plan_thread_per_element)),
                     bench::on_gpu("float4_a_thread", "one thread for each 16 bytes",
                                   AISP_DEVICE(plan_float4_a_thread))},
      .baseline = "plain_loop",
      .device_baseline = "thread_per_element",
  };
}

}  // namespace aisp::labs::ch06::add
