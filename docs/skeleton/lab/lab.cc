// The contract of the lab: what is computed, on which inputs, what is right, who competes.
#include <cmath>

#include "base/rng.h"
#include "docs/skeleton/lab/problem.h"

namespace aisp::skeleton::lab {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .shape = {p["n"]}}, {.name = "y", .shape = {p["n"]}}},
          .outputs = {{.name = "out", .shape = {p["n"]}}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1), -1.0f, 1.0f);
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2), -1.0f, 1.0f);
}

bench::Work work(const Params& p) {
  const auto n = static_cast<double>(p["n"]);
  return {.flops = 2.0 * n,
          .bytes_read = 8.0 * n,
          .bytes_written = 4.0 * n,
          .items = n,
          .item_name = "elements"};
}

void reference(const Params&, const Io& io, bench::Expected& expected) {
  const auto x = io.in<float>(0), y = io.in<float>(1);
  auto& out = expected.outputs[0];
  out.scale.resize(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double product = static_cast<double>(kAlpha) * y[i];
    out.value[i] = x[i] + product;
    out.scale[i] = std::abs(static_cast<double>(x[i])) + std::abs(product);
  }
}

/// alpha * y rounds once, the sum rounds once: at most 2 u (|x| + |alpha y|); alpha = 1/2 makes the
/// first rounding exact, so one u is left. Errors are uniform over a rounding step and the sum is
/// mostly smaller than its scale: the rms is below 0.3 of the bound. Data rounded to bf16 first
/// would be 2^16 times beyond it.
Tolerance tolerance(const Params&) {
  return {.relative = 1.01 * unit_roundoff(DType::kF32), .rms = 0.5};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "What do wider vectors give to an addition that only moves data?",
      .targets = {"skeleton:residual"},
      .tags = {"skeleton", "simd"},
      .cases = {{.name = "gpt2_one_token",
                 .origin = "the residual stream of one token in GPT-2 small (768 floats, L1)",
                 .smoke = {{"n", 768}},
                 .full = {{"n", 768}}},
                {.name = "llama3_8b_prompt",
                 .origin = "a prompt of 2048 tokens in Llama 3 8B, 2048 x 4096 (100 MB, DRAM)",
                 .smoke = {{"n", 4099}},
                 .full = {{"n", 2048 * 4096}}}},
      .ragged = {{{"n", 1}}, {{"n", 7}}, {{"n", 8}}, {{"n", 9}}, {{"n", 1031}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {plain_loop(), simd_avx2()},
      .baseline = "plain_loop",
  };
}

}  // namespace aisp::skeleton::lab
