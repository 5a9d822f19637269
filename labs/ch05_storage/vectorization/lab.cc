// The lab: what one dependent chain of additions costs, in cache and in DRAM.
#include <cmath>
#include <string_view>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch05_storage/vectorization/problem.h"

namespace aisp::labs::ch05::vectorization {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .dtype = DType::kF32, .shape = {p["n"]}}},
          .outputs = {{.name = "sum", .dtype = DType::kF32, .shape = {1}}}};
}

bench::Work work(const Params& p) {
  const auto n = static_cast<double>(p["n"]);
  return {
      .flops = n, .bytes_read = 4.0 * n, .bytes_written = 4.0, .items = n, .item_name = "elements"};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_uniform(io.fill<float>(0), seed, -0.05f, 0.05f);
}

void reference(const Params&, const Io& io, bench::Expected& expected) {
  double sum = 0.0, magnitude = 0.0;
  for (const float value : io.in<float>(0)) {
    sum += static_cast<double>(value);
    magnitude += std::fabs(static_cast<double>(value));
  }
  expected.outputs[0].value[0] = sum;
  expected.outputs[0].scale = {magnitude};
}

/// Recursive summation makes one rounding error of about 0.4 u |s_k| at each partial sum s_k. The
/// data are independent with mean zero and deviation d, so s_k is a random walk, |s_k| ~ d sqrt(k),
/// and the error's deviation is 0.4 u d n sqrt(I), I = integral of a squared Brownian motion (mean
/// 1/2). With sum|x| = 0.87 d n (uniform data) that is 0.46 u sqrt(I) sum|x|: it does not grow with
/// n. 8 u sum|x| is exceeded only if sqrt(I) |g| > 17 for a standard normal g; P(I > t) falls as
/// exp(-pi^2 t / 8), so the probability is about exp(-27). Blocked sums have smaller partial sums.
/// The bound that also holds for data of one sign, 6 sqrt(n) u, is 3,000 times wider at n = 2^24.
/// Source: Higham and Mary, SIAM J. Sci. Comput. 42 (2020), sharper bounds for random data.
Tolerance tolerance(const Params&) { return {.relative = 8.0 * unit_roundoff(DType::kF32)}; }

}  // namespace

bench::Technique one_variant(const char* name, const char* summary, const char* variant) {
  for (const kernels::reduce::Variant& row : kernels::reduce::variants()) {
    if (row.name != std::string_view(variant)) continue;
    return {.name = name,
            .summary = summary,
            .needs = [&row](const machine::Cpu& cpu) { return row.why_not(cpu); },
            .plan =
                [sum = row.sum](const bench::Params&) {
                  return bench::plan_of([sum](const bench::Io& io) {
                    const auto x = io.in<float>(0);
                    io.out<float>(0)[0] = static_cast<float>(sum(x.data(), x.size()));
                  });
                }};
  }
  check(false, "vectorization lab: no such variant");
  return {};
}

bench::Lab describe() {
  return {
      .question = "What does a plain float sum loop lose to its one chain of dependent additions?",
      .targets = {"ch05:vectorization"},
      .tags = {"simd", "reduction", "memory"},
      .cases = {{.name = "bucket_in_cache",
                 .origin = "64 Ki gradients: one 256 KiB slice of a bucket, resident in L2",
                 .smoke = {{"n", 4096}},
                 .full = {{"n", 65536}}},
                {.name = "attention_weight_in_dram",
                 .origin = "Llama-3-8B q_proj gradient, 4096 x 4096 f32 (64 MiB)",
                 .smoke = {{"n", 40000}},
                 .full = {{"n", 4096 * 4096}}},
                {.name = "mlp_weight_gpu",
                 .origin = "Llama-3-8B gate_proj gradient on a GPU, 14336 x 4096 f32 (224 MiB)",
                 .smoke = {{"n", 40001}},
                 .full = {{"n", 14336 * 4096}},
                 .device = bench::Device::kCuda}},
      .ragged = {{{"n", 1}}, {{"n", 7}}, {{"n", 33}}, {{"n", 129}}, {{"n", 1000}}, {{"n", 70001}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {scalar_loop(), multi_accumulator(), simd_avx2(), simd_avx512(), simd_threads(),
                     bench::on_gpu("chunk_launches", "a launch for each 4096 elements",
                                   AISP_DEVICE(plan_chunk_launches)),
                     bench::on_gpu("one_reduction", "one reduction over the card",
                                   AISP_DEVICE(plan_one_reduction)),
                     bench::on_gpu("one_reduction_float4", "four loads of 16 bytes in flight",
                                   AISP_DEVICE(plan_one_reduction_float4))},
      .baseline = "scalar_loop",
      .device_baseline = "chunk_launches",
  };
}

}  // namespace aisp::labs::ch05::vectorization
