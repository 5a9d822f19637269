// The lab: instruction-level parallelism, from one dependent chain to 128 in flight.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch06_cuda_fundamentals/ilp/problem.h"

namespace aisp::labs::ch06::ilp {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const auto chains = p["chains"], steps = p["steps"];
  const bench::TensorSpec y = {.name = "y", .dtype = DType::kF32, .shape = {chains}};
  if (p["kind"] == kSquareMap) {
    return {.inputs = {{.name = "x", .dtype = DType::kF32, .shape = {chains}},
                       {.name = "c", .dtype = DType::kF32, .shape = {chains}}},
            .outputs = {y}};
  }
  return {.inputs = {{.name = "q", .dtype = DType::kF32, .shape = {steps}},
                     {.name = "keys", .dtype = DType::kF32, .shape = {chains, steps}}},
          .outputs = {y}};
}

bench::Work work(const Params& p) {
  const auto chains = static_cast<double>(p["chains"]), steps = static_cast<double>(p["steps"]);
  const double inputs = p["kind"] == kSquareMap ? 2.0 * chains : steps * (chains + 1.0);
  return {.flops = 2.0 * chains * steps,
          .bytes_read = 4.0 * inputs,
          .bytes_written = 4.0 * chains,
          .items = chains,
          .item_name = p["kind"] == kSquareMap ? "elements" : "scores"};
}

/// x in [-1/2, 1/2) and c in [-1/4, 1/4): x*x + c stays in that range forever. Near c = 1/4 it
/// creeps (1/2 - x falls as 1/steps), so that a technique with a step too few is seen.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  if (p["kind"] == kSquareMap) {
    fill_uniform(io.fill<float>(0), derive_seed(seed, 1), -0.5f, 0.5f);
    fill_uniform(io.fill<float>(1), derive_seed(seed, 2), -0.25f, 0.25f);
  } else {
    fill_normal(io.fill<float>(0), derive_seed(seed, 1));
    fill_normal(io.fill<float>(1), derive_seed(seed, 2));
  }
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto chains = static_cast<std::size_t>(p["chains"]);
  const auto steps = static_cast<std::size_t>(p["steps"]);
  const auto first = io.in<float>(0), second = io.in<float>(1);
  auto& out = expected.outputs[0];
  if (p["kind"] == kSquareMap) {
    for (std::size_t i = 0; i < chains; ++i) {
      double value = first[i];
      for (std::size_t s = 0; s < steps; ++s) value = value * value + second[i];
      out.value[i] = value;
    }
    return;
  }
  out.scale.assign(chains, 0.0);
  for (std::size_t i = 0; i < chains; ++i) {
    for (std::size_t d = 0; d < steps; ++d) {
      const double term = double(first[d]) * double(second[i * steps + d]);
      out.value[i] += term;
      out.scale[i] += std::fabs(term);
    }
  }
}

/// Square map: |d(x*x + c)/dx| = 2|x| <= 1, so errors never grow; a step adds at most
/// u (x*x + |x*x + c|) <= 0.75 u. Observed rms: 0.005 of that at 64 steps, most chains being
/// strongly contracting; 0.5 for a single step; the second term is for few chains. Scores: the dot
/// product bound; an in-order sum of 128 terms shows an rms of 0.007, tf32 inputs 10. The map's rms
/// with tf32 inputs is 24.
Tolerance tolerance(const Params& p) {
  const double u = unit_roundoff(DType::kF32);
  const auto steps = static_cast<double>(p["steps"]), chains = static_cast<double>(p["chains"]);
  if (p["kind"] == kSquareMap) {
    return {.absolute = 0.75 * u * steps, .rms = 0.6 / std::sqrt(steps) + 0.4 / std::sqrt(chains)};
  }
  return {.relative = dot_bound(steps, u), .rms = 0.2};
}

}  // namespace

std::unique_ptr<bench::Plan> plan_chains(const Params& params, Kernel square_map, Kernel scores) {
  const Kernel kernel = params["kind"] == kSquareMap ? square_map : scores;
  return bench::plan_of([kernel, chains = params["chains"], steps = params["steps"]](const Io& io) {
    kernel({.start = io.in<float>(0).data(),
            .step = io.in<float>(1).data(),
            .y = io.out<float>(0).data(),
            .chains = chains,
            .steps = steps});
  });
}

bench::Lab describe() {
  const auto sizes = [](Kind kind, std::int64_t chains, std::int64_t steps) {
    return Params{{"kind", kind}, {"chains", chains}, {"steps", steps}};
  };
  return {
      .question = "How much faster do independent chains run than one chain of dependent steps?",
      .targets = {"ch06:gemm_ilp", "ch06:elementwise_ilp", "ch06:attention_ilp"},
      .tags = {"simd", "latency", "compute"},
      .cases = {{.name = "square_map_4096",
                 .origin = "x <- x*x + c, 64 steps, over one hidden state of Llama-3-8B (4096)",
                 .smoke = sizes(kSquareMap, 256, 16),
                 .full = sizes(kSquareMap, 4096, 64)},
                {.name = "scores_llama3_8b_head",
                 .origin = "q.k of one Llama-3-8B head (128) against 1024 cached keys",
                 .smoke = sizes(kScores, 32, 128),
                 .full = sizes(kScores, 1024, 128)},
                {.name = "square_map_gpu",
                 .origin = "x <- x*x + c, 256 steps, over the hidden states of 1024 tokens of "
                           "Llama-3-8B: 43 operations a byte",
                 .smoke = sizes(kSquareMap, 1027, 16),
                 .full = sizes(kSquareMap, 1024 * 4096, 256),
                 .device = bench::Device::kCuda},
                {.name = "scores_llama31_context_gpu",
                 .origin = "q.k of one head (128) against the 131072 keys of a full context of "
                           "Llama 3.1: 64 MiB",
                 .smoke = sizes(kScores, 259, 128),
                 .full = sizes(kScores, 131072, 128),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(kSquareMap, 1, 1), sizes(kSquareMap, 131, 7), sizes(kSquareMap, 1029, 64),
                 sizes(kScores, 1, 1), sizes(kScores, 13, 67), sizes(kScores, 9, 33)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {dependent_chain(), interleaved_4(), interleaved_8(), simd_avx2(),
                     simd_avx512(),
                     bench::on_gpu("thread_per_chain", "one chain a thread, as many warps as fit",
                                   AISP_DEVICE(plan_thread_per_chain)),
                     bench::on_gpu("four_chains_a_thread", "four in flight in each thread",
                                   AISP_DEVICE(plan_four_chains_a_thread)),
                     bench::on_gpu("few_warps_one_chain", "four warps a multiprocessor, one chain",
                                   AISP_DEVICE(plan_few_warps_one_chain)),
                     bench::on_gpu("few_warps_four_chains",
                                   "four warps a multiprocessor, four in flight in each thread",
                                   AISP_DEVICE(plan_few_warps_four_chains))},
      .baseline = "dependent_chain",
      .device_baseline = "thread_per_chain",
  };
}

}  // namespace aisp::labs::ch06::ilp
