// Add, multiply, square root: three passes or one. See README.md.
#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch12_graphs/kernel_fusion/problem.h"

namespace aisp::labs::ch12::kernel_fusion {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{"s", DType::kF32, {p["n"]}}}, .outputs = {{"y", DType::kF32, {p["n"]}}}};
}

/// Second moments of gradients of about 1e-3.
void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1), 0.0f, 1e-6f);
}

bench::Work work(const Params& p) {
  const auto n = static_cast<double>(p["n"]);
  return {.flops = 3.0 * n,
          .bytes_read = 4.0 * n,
          .bytes_written = 4.0 * n,
          .items = n,
          .item_name = "elements"};
}

void reference(const Params&, const Io& io, bench::Expected& expected) {
  const auto s = io.in<float>(0);
  for (std::size_t i = 0; i < s.size(); ++i) {
    const double sum = static_cast<double>(s[i]) + static_cast<double>(kEpsilon);
    expected.outputs[0].value[i] = std::sqrt(sum * static_cast<double>(kCorrection));
  }
}

/// The sum and the product round once each, and the root halves both: u/2 + u/2; the root's own
/// rounding is u more: 2 u, and 1 % for the second order. rms: three independent roundings of at
/// most u / sqrt(3), two of them halved: 0.35 of the bound at worst. bf16 inputs show 500 and more.
Tolerance tolerance(const Params&) {
  return {.relative = 2.02 * unit_roundoff(DType::kF32), .rms = 0.4};
}

Params sizes(std::int64_t n) { return {{"n", n}}; }

}  // namespace

bench::Lab describe() {
  return {
      .question = "What do three element-wise operations cost in three passes, and in one?",
      .targets = {"ch12:kernel_fusion",
                  "ch12:kernel_fusion_llm_dedicated_stream_and_prefetch_for_blackwell",
                  "ch12:kernel_fusion_llm_persistent_buffer_and_stream_friendly_setup",
                  "ch12:kernel_fusion_llm_reuse_static_tensor_and_simplify_setup"},
      .tags = {"memory", "fusion", "simd"},
      .cases = {{.name = "gpt2_mlp_bias",
                 .origin = "AdaBelief on GPT-2 small: one MLP bias (3072), in L1",
                 .smoke = sizes(300),
                 .full = sizes(3072)},
                {.name = "gpt2_attention",
                 .origin =
                     "AdaBelief on GPT-2 small: one attention input matrix (768 x 2304), in L3",
                 .smoke = sizes(2304),
                 .full = sizes(768 * 2304)},
                {.name = "gpt2_embedding",
                 .origin = "AdaBelief on GPT-2 small: the token embedding (50257 x 768), in memory",
                 .smoke = sizes(5003),
                 .full = sizes(50257 * 768)},
                {.name = "gpt2_attention_cuda",
                 .origin = "AdaBelief on GPT-2 small: one attention input matrix, in the GPU's L2",
                 .smoke = sizes(2305),
                 .full = sizes(768 * 2304),
                 .device = bench::Device::kCuda},
                {.name = "llama3_8b_mlp_cuda",
                 .origin = "AdaBelief on Llama-3-8B: one MLP matrix (14336 x 4096), in GPU memory",
                 .smoke = sizes(6007),
                 .full = sizes(14336 * 4096),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1), sizes(3), sizes(15), sizes(17), sizes(1025)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {three_passes(), in_place_passes(), strip_mined(), one_pass(), one_pass_avx2(),
                     one_pass_avx512(),
                     bench::on_gpu("three_kernels", "a kernel and a temporary for each operation",
                                   AISP_DEVICE(plan_three_kernels)),
                     bench::on_gpu("in_place_kernels", "a kernel for each, in place on the result",
                                   AISP_DEVICE(plan_in_place_kernels)),
                     bench::on_gpu("fused_kernel", "one kernel, values in between in registers",
                                   AISP_DEVICE(plan_fused_kernel))},
      .baseline = "three_passes",
      .device_baseline = "three_kernels",
  };
}

}  // namespace aisp::labs::ch12::kernel_fusion
