// The lab: causal attention with the matrix of scores in memory, or tiled with online softmax.
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const auto tensor = [&](const char* name, std::int64_t heads) {
    return bench::TensorSpec{.name = name, .dtype = DType::kF32, .shape = {heads, p["T"], p["D"]}};
  };
  return {
      .inputs = {tensor("q", p["heads"]), tensor("k", p["kv_heads"]), tensor("v", p["kv_heads"])},
      .outputs = {tensor("o", p["heads"])}};
}

/// Two products of 2 D flops for each of the T (T + 1) / 2 visible pairs; the softmax not counted.
bench::Work work(const Params& p) {
  const auto T = static_cast<double>(p["T"]), D = static_cast<double>(p["D"]);
  const auto heads = static_cast<double>(p["heads"]);
  const auto kv_heads = static_cast<double>(p["kv_heads"]);
  return {.flops = 2.0 * D * T * (T + 1.0) * heads,
          .bytes_read = 4.0 * T * D * (heads + 2.0 * kv_heads),
          .bytes_written = 4.0 * T * D * heads,
          .items = T,
          .item_name = "tokens"};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (std::size_t i = 0; i < 3; ++i) fill_normal(io.fill<float>(i), derive_seed(seed, i));
}

/// Four partial sums, so that the reference is affordable; order is no matter in double.
struct Dot {
  double value = 0.0, magnitude = 0.0;
};
Dot dot(const float* a, const float* b, std::size_t n) {
  double value[4] = {}, magnitude[4] = {};
  for (std::size_t i = 0; i < n; ++i) {
    const double term = static_cast<double>(a[i]) * static_cast<double>(b[i]);
    value[i % 4] += term;
    magnitude[i % 4] += std::fabs(term);
  }
  return {value[0] + value[1] + value[2] + value[3],
          magnitude[0] + magnitude[1] + magnitude[2] + magnitude[3]};
}

/// Error bound of one output in units of u. A score s_j has an error of at most
/// e_j = 6 sqrt(D + 2) sum|q k| / sqrt(D) + |s_j| + |s_j - max| (dot product, scale, subtraction of
/// the maximum), which moves e^s_j by the factor 1 + e_j u. Through numerator and denominator
/// o moves by at most sum_j p_j e_j (|v_j| + |o|), taken as 2 (sum_j p_j e_j) (sum_j p_j |v_j|);
/// the sums over keys add 6 sqrt(T + 2) each and the exponentials, rescaling and division 16.
struct Row {
  std::vector<double> p;     // probabilities of the visible keys
  double score_error = 0.0;  // sum_j p_j e_j
};
Row probabilities(const float* q, const float* k, std::size_t keys, std::size_t D) {
  Row row;
  row.p.resize(keys);
  std::vector<double> error(keys);
  const double root = std::sqrt(static_cast<double>(D));
  double max = -1e300, sum = 0.0;
  for (std::size_t j = 0; j < keys; ++j) {
    const Dot score = dot(q, k + j * D, D);
    row.p[j] = score.value / root;
    error[j] = dot_bound(static_cast<double>(D), 1.0) * score.magnitude / root;
    max = std::fmax(max, row.p[j]);
  }
  for (std::size_t j = 0; j < keys; ++j) {
    error[j] += std::fabs(row.p[j]) + (max - row.p[j]);
    row.p[j] = std::exp(row.p[j] - max);
    sum += row.p[j];
  }
  for (std::size_t j = 0; j < keys; ++j) {
    row.p[j] /= sum;
    row.score_error += row.p[j] * error[j];
  }
  return row;
}

void reference(const Params& params, const Io& io, bench::Expected& expected) {
  const Shape s = shape_of(params);
  const auto T = static_cast<std::size_t>(s.T), D = static_cast<std::size_t>(s.D);
  auto& out = expected.outputs[0];
  out.scale.assign(out.value.size(), 0.0);
  for (std::size_t h = 0; h < static_cast<std::size_t>(s.heads); ++h) {
    const std::size_t group = h / static_cast<std::size_t>(s.heads / s.kv_heads);
    const float* k = io.in<float>(1).data() + group * T * D;
    const float* v = io.in<float>(2).data() + group * T * D;
    for (std::size_t i = 0; i < T; ++i) {
      const Row row = probabilities(io.in<float>(0).data() + (h * T + i) * D, k, i + 1, D);
      double* value = out.value.data() + (h * T + i) * D;
      double* scale = out.scale.data() + (h * T + i) * D;
      for (std::size_t j = 0; j <= i; ++j) {
        for (std::size_t d = 0; d < D; ++d) {
          const double term = row.p[j] * static_cast<double>(v[j * D + d]);
          value[d] += term;
          scale[d] += std::fabs(term);
        }
      }
      const double bound =
          2.0 * row.score_error + 2.0 * dot_bound(static_cast<double>(i + 1), 1.0) + 16.0;
      for (std::size_t d = 0; d < D; ++d) scale[d] *= bound;
    }
  }
}

/// The bound is in `scale` (see Row). rms: errors of many keys average out, so honest techniques
/// show at most 0.0015 at full size and 0.0055 with 2,000 outputs; inputs rounded to tf32 show 0.7
/// and more, to bf16 5. The second term is for sizes of a few outputs.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["heads"] * p["T"] * p["D"]);
  return {.relative = unit_roundoff(DType::kF32), .rms = 0.02 + 0.2 / std::sqrt(outputs)};
}

Params sizes(std::int64_t heads, std::int64_t kv_heads, std::int64_t T, std::int64_t D) {
  return {{"heads", heads}, {"kv_heads", kv_heads}, {"T", T}, {"D", D}};
}

}  // namespace

Shape shape_of(const Params& params) {
  return {params["heads"], params["kv_heads"], params["T"], params["D"]};
}

TileKernel choose_kernel(const machine::Cpu& cpu) {
  if (cpu.avx512) return avx512_kernel();
  if (cpu.avx2) return avx2_kernel();
  return portable_kernel();
}

bench::Lab describe() {
  return {
      .question = "What does attention gain when the matrix of scores never exists in memory?",
      .targets = {"ch10:flash_attention", "ch10:attention"},
      .tags = {"attention", "fusion", "simd", "compute"},
      .cases = {{.name = "llama3_8b_group",
                 .origin = "Llama-3-8B prefill: 4 query heads on their KV head, 512 tokens",
                 .smoke = sizes(2, 1, 70, 128),
                 .full = sizes(4, 1, 512, 128)},
                {.name = "gpt2_small",
                 .origin = "GPT-2 small: 12 heads of 64, 256 tokens",
                 .smoke = sizes(2, 2, 97, 64),
                 .full = sizes(12, 12, 256, 64)}},
      .ragged = {sizes(1, 1, 1, 64), sizes(2, 1, 2, 5), sizes(4, 2, 33, 17), sizes(1, 1, 65, 128),
                 sizes(3, 3, 131, 40)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {materialized(), tiled_online(), tiled_avx2(), tiled_avx512(),
                     tiled_simd_threads()},
      .baseline = "materialized",
  };
}

}  // namespace aisp::labs::ch10::flash_attention
