// The lab: which order of tokens and experts reads the weights least often. See README.md.
#include <cmath>

#include "base/rng.h"
#include "kernels/simd/vectors.h"
#include "labs/ch15_disaggregated_inference/moe_inference/problem.h"

namespace aisp::labs::ch15::moe_inference {

namespace portable {
namespace {
using kernels::simd::portable::V;
#include "labs/ch15_disaggregated_inference/moe_inference/silu.inc"
}  // namespace
}  // namespace portable
#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
namespace {
using kernels::simd::avx2::V;
#include "labs/ch15_disaggregated_inference/moe_inference/silu.inc"
}  // namespace
}  // namespace avx2
AISP_TARGET_END
AISP_TARGET_BEGIN_AVX512
namespace avx512 {
namespace {
using kernels::simd::avx512::V;
#include "labs/ch15_disaggregated_inference/moe_inference/silu.inc"
}  // namespace
}  // namespace avx512
AISP_TARGET_END
#endif

void silu_times(float* gate, const float* up, std::int64_t count) {
#if AISP_X86
  if (machine::cpu().avx512) return avx512::silu(gate, up, count);
  if (machine::cpu().avx2) return avx2::silu(gate, up, count);
#endif
  portable::silu(gate, up, count);
}

void Expert::run(const bench::Io& io, std::int64_t expert, std::int64_t rows, const float* x,
                 float* y) {
  const std::int64_t size = shape_.c * shape_.f;
  std::size_t at = 0;
  while (plans_[at].rows < rows) ++at;
  Plans& plans = plans_[at];
  plans.to_f.run_rows(rows, x, io.in<float>(kW1).data() + expert * size, gate_.data());
  plans.to_f.run_rows(rows, x, io.in<float>(kW3).data() + expert * size, up_.data());
  silu_times(gate_.data(), up_.data(), rows * shape_.f);
  plans.to_c.run_rows(rows, gate_.data(), io.in<float>(kW2).data() + expert * size, y);
}

std::vector<model::FeedForwardWeights> experts_in(const Shape& s,
                                                  std::span<const std::byte> bytes) {
  constexpr auto kType = kernels::linear::Type::kF32;
  std::vector<model::FeedForwardWeights> experts(static_cast<std::size_t>(s.experts));
  const std::byte* at = bytes.data();
  const auto next = [&](std::int64_t n, std::int64_t k) {
    const model::Matrix w{kType, n, k, at};
    at += kernels::linear::packed_bytes(kType, n, k);  // whole lines of 64 bytes
    return w;
  };
  for (model::FeedForwardWeights& expert : experts) {
    expert.gate = next(s.f, s.c);
    expert.up = next(s.f, s.c);
    expert.down = next(s.c, s.f);
  }
  return experts;
}

std::int64_t packed_bytes(const Shape& s) {
  constexpr auto kType = kernels::linear::Type::kF32;
  return s.experts * (2 * kernels::linear::packed_bytes(kType, s.f, s.c) +
                      kernels::linear::packed_bytes(kType, s.c, s.f));
}

void Sorted::sort(std::span<const std::int32_t> ids) {
  std::fill(first.begin(), first.end(), 0);
  for (const std::int32_t id : ids) ++first[static_cast<std::size_t>(id) + 1];
  for (std::size_t e = 1; e < first.size(); ++e) first[e] += first[e - 1];
  next = first;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    pair[static_cast<std::size_t>(next[static_cast<std::size_t>(ids[i])]++)] =
        static_cast<std::int64_t>(i);
  }
}

namespace {

using bench::Io;
using bench::Params;

// Both forms of the weights belong together: elements of w1, w3 and w2 must not be mixed between
// two seeds.
bench::Problem problem(const Params& params) {
  const Shape s(params);
  return {
      .inputs =
          {{.name = "x", .shape = {s.tokens, s.c}},
           {.name = "w1", .shape = {s.experts, s.c, s.f}, .structured = true},
           {.name = "w3", .shape = {s.experts, s.c, s.f}, .structured = true},
           {.name = "w2", .shape = {s.experts, s.f, s.c}, .structured = true},
           {.name = "ids", .dtype = DType::kI32, .shape = {s.tokens, s.k}, .structured = true},
           {.name = "gates", .shape = {s.tokens, s.k}},
           {.name = "packed", .dtype = DType::kU8, .shape = {packed_bytes(s)}, .structured = true}},
      .outputs = {{.name = "y", .shape = {s.tokens, s.c}}}};
}

/// The engine's form: rows of outputs, f32, one product after the other.
void pack_experts(const Shape& s, const Io& io) {
  machine::ThreadPool pool(1);
  const auto memory = io.fill<std::uint8_t>(kPacked);
  const std::span<std::byte> to = std::as_writable_bytes(memory);
  const std::vector<model::FeedForwardWeights> experts = experts_in(s, to);
  std::vector<float> rows(static_cast<std::size_t>(s.c * s.f));
  const auto pack = [&](Input input, std::size_t expert, const model::Matrix& w) {
    const float* from =
        io.fill<float>(input).data() + static_cast<std::int64_t>(expert) * s.c * s.f;
    for (std::int64_t k = 0; k < w.k; ++k) {
      for (std::int64_t n = 0; n < w.n; ++n) {
        rows[static_cast<std::size_t>(n * w.k + k)] = from[k * w.n + n];
      }
    }
    kernels::linear::pack(w.type, w.n, w.k, reinterpret_cast<const std::byte*>(rows.data()),
                          to.subspan(static_cast<std::size_t>(w.data - to.data())), pool);
  };
  for (std::size_t e = 0; e < experts.size(); ++e) {
    pack(kW1, e, experts[e].gate);
    pack(kW3, e, experts[e].up);
    pack(kW2, e, experts[e].down);
  }
}

/// Every expert has weights of its own, so that a wrong one shows. Its choice is uneven, as routers
/// are: expert e is drawn with a probability that falls with e, the first half three times as
/// often.
void prepare(const Params& params, std::uint64_t seed, const Io& io) {
  const Shape s(params);
  fill_normal(io.fill<float>(kX), derive_seed(seed, 1));
  const float c_bound = std::sqrt(3.0f / static_cast<float>(s.c));
  const float f_bound = std::sqrt(3.0f / static_cast<float>(s.f));
  fill_uniform(io.fill<float>(kW1), derive_seed(seed, 2), -c_bound, c_bound);
  fill_uniform(io.fill<float>(kW3), derive_seed(seed, 3), -c_bound, c_bound);
  fill_uniform(io.fill<float>(kW2), derive_seed(seed, 4), -f_bound, f_bound);
  fill_uniform(io.fill<float>(kGates), derive_seed(seed, 5), 0.1f, 0.9f);
  Rng rng(derive_seed(seed, 6));
  const auto ids = io.fill<std::int32_t>(kIds);
  const auto half = static_cast<std::uint64_t>(s.experts / 2);
  for (std::int64_t t = 0; t < s.tokens; ++t) {
    std::int32_t* mine = ids.data() + t * s.k;
    for (std::int64_t i = 0; i < s.k;) {
      const bool low = half > 0 && rng.below(2) == 0;
      const auto id =
          static_cast<std::int32_t>(rng.below(low ? half : static_cast<std::uint64_t>(s.experts)));
      if (std::find(mine, mine + i, id) == mine + i) mine[i++] = id;
    }
  }
  pack_experts(s, io);
}

/// Three products a pair; each expert's weights once, as if all were chosen.
bench::Work work(const Params& params) {
  const Shape s(params);
  const auto c = static_cast<double>(s.c), f = static_cast<double>(s.f);
  const auto tokens = static_cast<double>(s.tokens), pairs = static_cast<double>(s.pairs());
  const double read = std::min(static_cast<double>(s.experts), pairs);
  return {.flops = 6.0 * pairs * c * f,
          .bytes_read = 4.0 * (tokens * c + 3.0 * read * c * f + 2.0 * pairs),
          .bytes_written = 4.0 * tokens * c,
          .items = tokens,
          .item_name = "tokens"};
}

/// x W in double with sum |x W|; w is rows x n.
void project(const double* x, const float* w, std::size_t rows, std::size_t n, double* value,
             double* magnitude) {
  std::fill_n(value, n, 0.0);
  std::fill_n(magnitude, n, 0.0);
  for (std::size_t p = 0; p < rows; ++p) {
    const double factor = x[p], absolute = std::fabs(x[p]);
    const float* row = w + p * n;
    for (std::size_t j = 0; j < n; ++j) {
      value[j] += factor * row[j];
      magnitude[j] += absolute * std::fabs(row[j]);
    }
  }
}

/// In units of u, with B(n) = 6 sqrt(n + 2): gate and up are off by B(C) times their magnitude;
/// silu'(g) is below 1.1 and computing it costs 8 roundings, so h = silu(g) u is off by
/// e = 1.1 B(C) m_g |u| + |silu(g)| B(C) m_u + 8 |h|; the output by sum e |w2| + (B(F) + 4 + K)
/// sum |h w2|, times the gate, over the experts.
void reference(const Params& params, const Io& io, bench::Expected& expected) {
  const Shape s(params);
  const auto c = static_cast<std::size_t>(s.c), f = static_cast<std::size_t>(s.f);
  const double c_dot = dot_bound(static_cast<double>(c), 1.0);
  const double f_dot = dot_bound(static_cast<double>(f), 1.0) + 4.0 + static_cast<double>(s.k);
  auto& out = expected.outputs[kY];
  out.scale.assign(out.value.size(), 0.0);
  std::vector<double> x(c), g(f), g_size(f), u(f), u_size(f), h(f), h_error(f);
  for (std::size_t pair = 0; pair < static_cast<std::size_t>(s.pairs()); ++pair) {
    const std::size_t t = pair / static_cast<std::size_t>(s.k);
    const auto expert = static_cast<std::size_t>(io.in<std::int32_t>(kIds)[pair]) * c * f;
    const double gate = io.in<float>(kGates)[pair];
    for (std::size_t j = 0; j < c; ++j) x[j] = io.in<float>(kX)[t * c + j];
    project(x.data(), io.in<float>(kW1).data() + expert, c, f, g.data(), g_size.data());
    project(x.data(), io.in<float>(kW3).data() + expert, c, f, u.data(), u_size.data());
    for (std::size_t j = 0; j < f; ++j) {
      const double silu = g[j] / (1.0 + std::exp(-g[j]));
      h[j] = silu * u[j];
      h_error[j] = c_dot * (1.1 * g_size[j] * std::fabs(u[j]) + std::fabs(silu) * u_size[j]) +
                   (8.0 + f_dot) * std::fabs(h[j]);
    }
    double* __restrict value = out.value.data() + t * c;
    double* __restrict scale = out.scale.data() + t * c;
    for (std::size_t p = 0; p < f; ++p) {
      const float* row = io.in<float>(kW2).data() + expert + p * c;
      const double factor = gate * h[p], error = gate * h_error[p];
      for (std::size_t j = 0; j < c; ++j) {
        value[j] += factor * row[j];
        scale[j] += error * std::fabs(row[j]);
      }
    }
  }
}

/// The bound is in `scale`. It adds worst cases over two layers, so f32 shows some thousandths of
/// it; tokens rounded to bf16 would show several times the rms limit (see the test). The second
/// term is for a few outputs.
Tolerance tolerance(const Params& params) {
  const Shape s(params);
  const auto outputs = static_cast<double>(s.tokens * s.c);
  return {.relative = unit_roundoff(DType::kF32), .rms = 0.01 + 0.2 / std::sqrt(outputs)};
}

Params sizes(std::int64_t t, std::int64_t c, std::int64_t f, std::int64_t e, std::int64_t k) {
  return {{"T", t}, {"C", c}, {"F", f}, {"E", e}, {"K", k}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "In which order of tokens and experts does a mixture-of-experts layer run best?",
      .targets = {"ch15:moe_inference"},
      .tags = {"moe", "gemm", "serving", "threads"},
      .cases = {{.name = "mixtral_scaled",
                 .origin = "Mixtral-8x7B with widths / 16: 8 experts, 2 a token, 256 to 896, 96 "
                           "tokens",
                 .smoke = sizes(24, 64, 96, 8, 2),
                 .full = sizes(96, 256, 896, 8, 2)},
                {.name = "qwen_moe_scaled",
                 .origin = "Qwen1.5-MoE-A2.7B with widths / 8: 60 experts, 4 a token, 256 to 176, "
                           "64 tokens",
                 .smoke = sizes(20, 64, 44, 60, 4),
                 .full = sizes(64, 256, 176, 60, 4)},
                {.name = "qwen_moe_scaled_decode",
                 .origin = "Qwen1.5-MoE-A2.7B with widths / 8, a decode step of 8 requests",
                 .smoke = sizes(3, 64, 44, 60, 4),
                 .full = sizes(8, 256, 176, 60, 4)}},
      .ragged = {sizes(1, 1, 1, 1, 1), sizes(17, 33, 15, 3, 3), sizes(5, 40, 67, 7, 2)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {token_loop(), mask_scan(), sorted_grouped(), sorted_grouped_threads(),
                     engine_grouped(), engine_grouped_threads()},
      .baseline = "token_loop",
  };
}

}  // namespace aisp::labs::ch15::moe_inference
