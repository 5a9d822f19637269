// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <string_view>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch07_memory_access/copy/problem.h"

namespace aisp::labs::ch07::copy {
namespace {

bench::Problem problem(const bench::Params& params) {
  return {.inputs = {{.name = "in", .shape = {params["count"]}}},
          .outputs = {{.name = "out", .shape = {params["count"]}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), seed);
}

bench::Work work(const bench::Params& params) {
  const auto count = static_cast<double>(params["count"]);
  return {.bytes_read = 4.0 * count,
          .bytes_written = 4.0 * count,
          .items = count,
          .item_name = "elements"};
}

void reference(const bench::Params&, const bench::Io& io, bench::Expected& expected) {
  const auto in = io.in<float>(0);
  for (std::size_t i = 0; i < in.size(); ++i) expected.outputs[0].value[i] = in[i];
}

// Nothing is computed: every bit must be right.
Tolerance tolerance(const bench::Params&) { return {}; }

}  // namespace

bench::Technique one_variant(const char* name, const char* summary, const char* variant,
                             kernels::copy::Store store) {
  for (const kernels::copy::Variant& row : kernels::copy::variants()) {
    if (row.name != std::string_view(variant)) continue;
    return {.name = name,
            .summary = summary,
            .needs = [&row](const machine::Cpu& cpu) { return row.why_not(cpu); },
            .plan =
                [run = row.run, store](const bench::Params&) {
                  return bench::plan_of(
                      [run, store](const bench::Io& io) { run(request_of(io), store); });
                }};
  }
  check(false, "copy lab: no such variant");
  return {};
}

bench::Lab describe() {
  return {
      .question =
          "How much of the memory's bandwidth does a copy reach, by width of access, order, kind "
          "of stores and number of cores?",
      .targets = {"ch07:copy_scalar", "ch07:copy_scalar_vectorized", "ch07:copy_uncoalesced",
                  "ch07:copy_uncoalesced_coalesced", "ch07:hbm_copy", "ch07:hbm_peak",
                  "ch07:memory_access"},
      .tags = {"memory", "simd", "cache"},
      .cases = {{.name = "gpt2_hidden",
                 .origin = "hidden state of 64 tokens of GPT-2 small in f32, 64 x 768: 2 x 192 "
                           "KiB, in L2",
                 .smoke = {{"count", 768}},
                 .full = {{"count", 64 * 768}}},
                {.name = "llama3_8b_hidden",
                 .origin = "hidden state of 512 tokens of Llama 3 8B in f32, 512 x 4096: 2 x 8 "
                           "MiB, in an L3",
                 .smoke = {{"count", 4 * 4096}},
                 .full = {{"count", 512 * 4096}}},
                {.name = "tinyllama_1b_gate_proj",
                 .origin = "TinyLlama 1.1B, gate_proj in f32, 5632 x 2048: 2 x 44 MiB, in DRAM",
                 .smoke = {{"count", 64 * 1024 + 5}},
                 .full = {{"count", 5632 * 2048}}},
                {.name = "llama3_8b_gate_proj_gpu",
                 .origin = "Llama 3 8B, gate_proj in f32 on a GPU, 14336 x 4096: 2 x 224 MiB",
                 .smoke = {{"count", 100003}},
                 .full = {{"count", 14336 * 4096}},
                 .device = bench::Device::kCuda},
                {.name = "llama3_8b_hidden_gpu",
                 .origin = "hidden state of 512 tokens of Llama 3 8B on a GPU: 2 x 8 MiB",
                 .smoke = {{"count", 4 * 4096}},
                 .full = {{"count", 512 * 4096}},
                 .device = bench::Device::kCuda}},
      .ragged = {{{"count", 1}},
                 {{"count", 2}},
                 {{"count", 15}},
                 {{"count", 17}},
                 {{"count", 129}},
                 {{"count", 1023}},
                 {{"count", 262147}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {libc_memcpy(), scalar(), permuted_index(), vectors_16_bytes(),
                     vectors_32_bytes(), vectors_64_bytes(), streaming(), threads(),
                     bench::on_gpu("device_memcpy", "cudaMemcpyAsync inside the device",
                                   AISP_DEVICE(plan_device_memcpy)),
                     bench::on_gpu("scattered_floats", "a sector of 32 bytes for each 4",
                                   AISP_DEVICE(plan_scattered_floats)),
                     bench::on_gpu("float_a_thread", "4 bytes a thread, neighbours together",
                                   AISP_DEVICE(plan_float_a_thread)),
                     bench::on_gpu("float4_a_thread", "16 bytes a thread",
                                   AISP_DEVICE(plan_float4_a_thread)),
                     bench::on_gpu("word32_a_thread", "structs of 32 bytes",
                                   AISP_DEVICE(plan_word32_a_thread)),
                     bench::on_gpu("four_float4_a_thread", "four times 16 bytes in flight",
                                   AISP_DEVICE(plan_four_float4_a_thread)),
                     bench::on_gpu("four_float4_streamed", "the same, evicted first",
                                   AISP_DEVICE(plan_four_float4_streamed))},
      .baseline = "libc_memcpy",
      .device_baseline = "device_memcpy",
  };
}

}  // namespace aisp::labs::ch07::copy
