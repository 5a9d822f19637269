// The lab: softmax in three passes or online, with the library's exponential or vectors of them.
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .dtype = DType::kF32, .shape = {p["rows"], p["n"]}}},
          .outputs = {{.name = "y", .dtype = DType::kF32, .shape = {p["rows"], p["n"]}}}};
}

/// An exponential counts as one flop here, with the subtraction, the sum and the division.
bench::Work work(const Params& p) {
  const auto count = static_cast<double>(p["rows"] * p["n"]);
  return {.flops = 4.0 * count,
          .bytes_read = 4.0 * count,
          .bytes_written = 4.0 * count,
          .items = static_cast<double>(p["rows"]),
          .item_name = "rows"};
}

/// Logits with deviation 4 (the largest of 128,256 then has about a tenth of all probability).
/// Causal: row r sees the first r * n / rows + 1 columns, the rest is -inf.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const auto x = io.fill<float>(0);
  fill_normal(x, seed, 4.0f);
  if (p["causal"] == 0) return;
  const auto rows = static_cast<std::size_t>(p["rows"]), n = static_cast<std::size_t>(p["n"]);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = r * n / rows + 1; i < n; ++i) {
      x[r * n + i] = -std::numeric_limits<float>::infinity();
    }
  }
}

/// Also fills scale, which makes Tolerance.relative = u mean the bound derived below.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto rows = static_cast<std::size_t>(p["rows"]), n = static_cast<std::size_t>(p["n"]);
  auto& out = expected.outputs[0];
  out.scale.assign(rows * n, 0.0);
  for (std::size_t r = 0; r < rows; ++r) {
    const float* x = io.in<float>(0).data() + r * n;
    double max = -std::numeric_limits<double>::infinity(), sum = 0.0, distance = 0.0;
    for (std::size_t i = 0; i < n; ++i) max = std::fmax(max, x[i]);
    for (std::size_t i = 0; i < n; ++i) {
      const double e = std::exp(x[i] - max);
      out.value[r * n + i] = e;
      sum += e;
      if (e > 0.0) distance += e * (max - x[i]);
    }
    const double common = dot_bound(static_cast<double>(n), 1.0) + distance / sum + 8.0;
    for (std::size_t i = 0; i < n; ++i) {
      double& value = out.value[r * n + i];
      value /= sum;
      if (value > 0.0) out.scale[r * n + i] = value * (common + (max - x[i]));
    }
  }
}

/// In units of u, relative to y: the sum of n terms, 6 sqrt(n + 2) (base/numeric.h); x - max,
/// rounded to u |x - max|, moves e^(x - max) by as much, and the sum by the mean of that over the
/// probabilities; the exponentials (1.4 each in numerator and sum), rescaling and division: 8.
/// Results near the smallest normal float may be flushed or denormal: absolute, twice that float.
/// rms: honest techniques show at most 0.04 at full size and 0.13 with 62 elements; inputs rounded
/// to tf32 show 10, to bf16 57. The second term is for sizes of a few elements.
Tolerance tolerance(const Params& p) {
  return {.relative = unit_roundoff(DType::kF32),
          .absolute = 2.0 * static_cast<double>(std::numeric_limits<float>::min()),
          .rms = 0.15 + 0.5 / std::sqrt(static_cast<double>(p["rows"] * p["n"]))};
}

Params sizes(std::int64_t rows, std::int64_t n, std::int64_t causal) {
  return {{"rows", rows}, {"n", n}, {"causal", causal}};
}

}  // namespace

RowKernels choose_kernels(const machine::Cpu& cpu) {
  if (cpu.avx512) return avx512_kernels();
  if (cpu.avx2) return avx2_kernels();
  return portable_kernels();
}

std::unique_ptr<bench::Plan> plan_rows(const Params& params, RowKernel kernel) {
  const auto rows = static_cast<std::size_t>(params["rows"]);
  const auto n = static_cast<std::size_t>(params["n"]);
  return bench::plan_of([kernel, rows, n, shifts = std::vector<float>(block_count(params["n"]))](
                            const Io& io) mutable {
    const float* x = io.in<float>(0).data();
    float* y = io.out<float>(0).data();
    for (std::size_t r = 0; r < rows; ++r) kernel(x + r * n, y + r * n, n, shifts.data());
  });
}

bench::Lab describe() {
  return {
      .question = "Does softmax gain from one online pass, or from vectors of exponentials?",
      .targets = {"ch09:online_softmax"},
      .tags = {"softmax", "fusion", "simd"},
      .cases = {{.name = "llama3_logits",
                 .origin = "next-token logits of 4 sequences in Llama-3-8B, vocabulary 128,256",
                 .smoke = sizes(2, 3000, 0),
                 .full = sizes(4, 128256, 0)},
                {.name = "causal_scores",
                 .origin = "causal attention scores of one head, 2048 tokens",
                 .smoke = sizes(17, 160, 1),
                 .full = sizes(2048, 2048, 1)}},
      .ragged = {sizes(1, 1, 0), sizes(3, 2, 0), sizes(2, 31, 0), sizes(5, 33, 1),
                 sizes(2, 1025, 0), sizes(4, 4103, 1)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {three_pass(), online(), three_pass_simd(), online_portable(), online_avx2(),
                     online_avx512(), online_threads()},
      .baseline = "three_pass",
  };
}

}  // namespace aisp::labs::ch09::online_softmax
