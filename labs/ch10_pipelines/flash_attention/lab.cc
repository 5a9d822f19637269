// The lab: causal attention with the matrix of scores in memory, or tiled with online softmax.
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "kernels/attention/variants.h"
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const auto tensor = [&](const char* name, std::int64_t heads, std::int64_t rows) {
    return bench::TensorSpec{.name = name, .dtype = DType::kF32, .shape = {heads, rows, p["D"]}};
  };
  return {.inputs = {tensor("q", p["heads"], p["queries"]), tensor("k", p["kv_heads"], p["keys"]),
                     tensor("v", p["kv_heads"], p["keys"])},
          .outputs = {tensor("o", p["heads"], p["queries"])}};
}

/// Two products of 2 D flops for each visible pair; the softmax not counted.
bench::Work work(const Params& p) {
  const auto queries = static_cast<double>(p["queries"]), keys = static_cast<double>(p["keys"]);
  const auto heads = static_cast<double>(p["heads"]), D = static_cast<double>(p["D"]);
  const auto kv_heads = static_cast<double>(p["kv_heads"]);
  const double hidden = p["causal"] != 0 ? queries * (queries - 1.0) / 2.0 : 0.0;
  return {.flops = 4.0 * D * (queries * keys - hidden) * heads,
          .bytes_read = 4.0 * D * (queries * heads + 2.0 * keys * kv_heads),
          .bytes_written = 4.0 * D * queries * heads,
          .items = queries,
          .item_name = "tokens"};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (std::size_t i = 0; i < 3; ++i) fill_normal(io.fill<float>(i), derive_seed(seed, i));
}

void reference(const Params& params, const Io& io, bench::Expected& expected) {
  auto& out = expected.outputs[0];
  out.scale.assign(out.value.size(), 0.0);
  kernels::attention::reference(
      shape_of(params), {io.in<float>(0).data(), io.in<float>(1).data(), io.in<float>(2).data()},
      0.0f, out.value, out.scale);
}

/// The bound is in `scale` (kernels/attention/reference.cc). rms: errors of many keys average out,
/// so honest techniques show at most 0.0015 at full size and 0.0055 with 2,000 outputs; inputs
/// rounded to tf32 show 0.7 and more, to bf16 5. The second term is for sizes of a few outputs.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["heads"] * p["queries"] * p["D"]);
  return {.relative = unit_roundoff(DType::kF32), .rms = 0.02 + 0.2 / std::sqrt(outputs)};
}

Params sizes(std::int64_t heads, std::int64_t kv_heads, std::int64_t queries, std::int64_t keys,
             std::int64_t D, bool causal = true) {
  return {{"heads", heads}, {"kv_heads", kv_heads},    {"queries", queries}, {"keys", keys},
          {"D", D},         {"causal", causal ? 1 : 0}};
}

bench::WhyNot needs_hopper(const machine::CudaDevice& device) { return device.needs_hopper(); }

}  // namespace

Shape shape_of(const Params& p) {
  return {.heads = p["heads"],
          .kv_heads = p["kv_heads"],
          .queries = p["queries"],
          .keys = p["keys"],
          .D = p["D"],
          .causal = p["causal"] != 0};
}

bench::Technique kernel_variant(const char* name, const char* summary, std::string_view variant,
                                int threads) {
  return {.name = name,
          .summary = summary,
          .threads = threads,
          .needs = [variant](const machine::Cpu& cpu) -> bench::WhyNot {
            for (const auto& one : kernels::attention::variants()) {
              if (one.name == variant) return one.why_not(cpu);
            }
            return "";
          },
          .plan =
              [variant, threads](const Params& params) {
                auto plan = std::make_shared<kernels::attention::AttentionPlan>(
                    shape_of(params),
                    kernels::attention::Options{.threads = threads, .variant = variant});
                return bench::plan_of([plan](const Io& io) {
                  plan->run(io.in<float>(0).data(), io.in<float>(1).data(), io.in<float>(2).data(),
                            io.out<float>(0).data());
                });
              }};
}

bench::Lab describe() {
  return {
      .question = "What does attention gain when the matrix of scores never exists in memory?",
      .targets = {"ch10:flash_attention", "ch10:attention", "ch10:flash_attn_tma_micro_pipeline",
                  "ch09:sdpa_attention"},
      .tags = {"attention", "fusion", "simd", "compute"},
      .cases = {{.name = "llama3_8b_group",
                 .origin = "Llama-3-8B prefill: 4 query heads on their KV head, 512 tokens",
                 .smoke = sizes(2, 1, 70, 70, 128),
                 .full = sizes(4, 1, 512, 512, 128)},
                {.name = "gpt2_small",
                 .origin = "GPT-2 small: 12 heads of 64, 256 tokens",
                 .smoke = sizes(2, 2, 97, 97, 64),
                 .full = sizes(12, 12, 256, 256, 64)},
                {.name = "bert_base",
                 .origin = "BERT-base on SQuAD: 12 heads of 64, 384 tokens, not causal",
                 .smoke = sizes(2, 2, 50, 50, 64, false),
                 .full = sizes(12, 12, 384, 384, 64, false)},
                {.name = "llama3_8b_decode",
                 .origin = "Llama-3-8B decode: 32 query heads on 8 KV heads, 2048 tokens cached",
                 .smoke = sizes(8, 2, 1, 100, 128),
                 .full = sizes(32, 8, 1, 2048, 128)},
                {.name = "llama3_8b_cuda",
                 .origin = "Llama-3-8B on one of 4 GPUs: 8 heads on 2 KV heads, 1024 tokens",
                 .smoke = sizes(4, 1, 150, 150, 128),
                 .full = sizes(8, 2, 1024, 1024, 128),
                 .device = bench::Device::kCuda},
                {.name = "bert_large_cuda",
                 .origin = "BERT-large: 16 heads of 64, 512 tokens, 2 sequences, not causal",
                 .smoke = sizes(3, 3, 70, 70, 64, false),
                 .full = sizes(32, 32, 512, 512, 64, false),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1, 1, 1, 64), sizes(2, 1, 2, 2, 5), sizes(4, 2, 33, 40, 17),
                 sizes(1, 1, 65, 65, 128), sizes(3, 3, 131, 131, 40), sizes(6, 2, 1, 67, 80),
                 sizes(2, 2, 70, 9, 24, false)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {materialized(), tiled_online(), tiled_avx2(), tiled_avx512(),
                     tiled_simd_threads(), onednn(), onednn_threads(),
                     bench::on_gpu("three_kernels", "scores, softmax, times V: a matrix in between",
                                   AISP_DEVICE(plan_three_kernels)),
                     bench::on_gpu("tiled_blocking", "online softmax, tiles loaded, then used",
                                   AISP_DEVICE(plan_tiled_blocking), needs_hopper),
                     bench::on_gpu("tiled_copy_engine", "the next tile is copied meanwhile",
                                   AISP_DEVICE(plan_tiled_copy_engine), needs_hopper)},
      .baseline = "materialized",
      .device_baseline = "three_kernels",
  };
}

}  // namespace aisp::labs::ch10::flash_attention
