// The lab: where a KV cache lives while it grows. See README.md.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "labs/ch13_profiling_memory/kv_cache_naive/problem.h"

namespace aisp::labs::ch13::kv_cache_naive {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const std::vector<std::int64_t> prompt = {p["R"], p["P"], p["G"], p["D"]};
  const std::vector<std::int64_t> kv = {p["R"], p["S"], p["G"], p["D"]};
  const std::vector<std::int64_t> q = {p["R"], p["S"], p["H"], p["D"]};
  return {.inputs = {{.name = "prompt_k", .shape = prompt},
                     {.name = "prompt_v", .shape = prompt},
                     {.name = "q", .shape = q},
                     {.name = "k", .shape = kv},
                     {.name = "v", .shape = kv}},
          .outputs = {{.name = "o", .shape = q}}};
}

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (std::size_t i = kPromptK; i <= kV; ++i) {
    fill_normal(io.fill<float>(i), derive_seed(seed, i));
  }
}

/// Two products of 2 D flops for each query head and token that a step sees; the bytes that come in
/// and go out once. Reading the cache again at each step is from the machine's own caches.
bench::Work work(const Params& params) {
  const Shape s(params);
  const auto steps = static_cast<double>(s.steps), prompt = static_cast<double>(s.prompt);
  const auto requests = static_cast<double>(s.requests);
  const double seen = steps * prompt + steps * (steps + 1.0) / 2.0;
  return {.flops = 4.0 * requests * seen * static_cast<double>(s.q_width),
          .bytes_read = 4.0 * requests *
                        (2.0 * (prompt + steps) * static_cast<double>(s.width) +
                         steps * static_cast<double>(s.q_width)),
          .bytes_written = 4.0 * requests * steps * static_cast<double>(s.q_width),
          .items = requests * steps,
          .item_name = "tokens"};
}

/// The token that step s sees at position j: of the prompt, or generated before.
const float* row(const Shape& s, const float* prompt, const float* generated, std::int64_t j) {
  return j < s.prompt ? prompt + j * s.width : generated + (j - s.prompt) * s.width;
}

/// Four sums, so that the reference is affordable. Magnitude is sum |a b|.
struct Dot {
  double value = 0.0, magnitude = 0.0;
};
Dot dot(const float* a, const float* b, std::int64_t n) {
  double value[4] = {}, magnitude[4] = {};
  for (std::int64_t i = 0; i < n; ++i) {
    const double term = static_cast<double>(a[i]) * static_cast<double>(b[i]);
    value[i % 4] += term;
    magnitude[i % 4] += std::fabs(term);
  }
  return {value[0] + value[1] + value[2] + value[3],
          magnitude[0] + magnitude[1] + magnitude[2] + magnitude[3]};
}

/// One head of one step. The error of a score s_j is at most e_j u with e_j = 6 sqrt(D + 2)
/// sum|q k| / sqrt(D) + |s_j| + |s_j - max|; the output moves by at most 2 (sum p e) (sum p |v|),
/// and the sums over tokens, the exponentials and the division add 2 * 6 sqrt(tokens + 2) + 16.
void reference_head(const Shape& s, const Request& at, std::int64_t step, std::int64_t head,
                    double* value, double* scale) {
  const std::int64_t size = s.heads.head_size, tokens = s.prompt + step + 1;
  const std::int64_t offset = head / (s.heads.heads / s.heads.kv_heads) * size;
  const float* q = at.q + step * s.q_width + head * size;
  const double root = std::sqrt(static_cast<double>(size));
  std::vector<double> p(static_cast<std::size_t>(tokens)), error(p.size());
  double most = -1e300, sum = 0.0, mean_error = 0.0;
  for (std::int64_t j = 0; j < tokens; ++j) {
    const auto i = static_cast<std::size_t>(j);
    const Dot score = dot(q, row(s, at.prompt_k, at.k, j) + offset, size);
    p[i] = score.value / root;
    error[i] = dot_bound(static_cast<double>(size), 1.0) * score.magnitude / root;
    most = std::max(most, p[i]);
  }
  for (std::size_t i = 0; i < p.size(); ++i) {
    error[i] += std::fabs(p[i]) + (most - p[i]);
    p[i] = std::exp(p[i] - most);
    sum += p[i];
  }
  for (std::int64_t j = 0; j < tokens; ++j) {
    const auto i = static_cast<std::size_t>(j);
    const float* v = row(s, at.prompt_v, at.v, j) + offset;
    mean_error += p[i] / sum * error[i];
    for (std::int64_t d = 0; d < size; ++d) {
      const double term = p[i] / sum * static_cast<double>(v[d]);
      value[d] += term;
      scale[d] += std::fabs(term);
    }
  }
  const double bound = 2.0 * mean_error + 2.0 * dot_bound(static_cast<double>(tokens), 1.0) + 16.0;
  for (std::int64_t d = 0; d < size; ++d) scale[d] *= bound;
}

void reference(const Params& params, const Io& io, bench::Expected& expected) {
  const Shape s(params);
  auto& out = expected.outputs[kO];
  out.scale.assign(out.value.size(), 0.0);
  for (std::int64_t r = 0; r < s.requests; ++r) {
    const Request at = request(s, io, r);
    for (std::int64_t step = 0; step < s.steps; ++step) {
      for (std::int64_t head = 0; head < s.heads.heads; ++head) {
        const auto place =
            static_cast<std::size_t>((r * s.steps + step) * s.q_width + head * s.heads.head_size);
        reference_head(s, at, step, head, out.value.data() + place, out.scale.data() + place);
      }
    }
  }
}

/// The bound is in `scale`. rms: errors of many tokens average out, so f32 shows some thousandths
/// of the bound; inputs rounded to bf16 show more than 1. The second term is for a few outputs.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["R"] * p["S"] * p["H"] * p["D"]);
  return {.relative = unit_roundoff(DType::kF32), .rms = 0.03 + 0.3 / std::sqrt(outputs)};
}

Params sizes(std::int64_t r, std::int64_t p, std::int64_t s, std::int64_t h, std::int64_t g,
             std::int64_t d) {
  return {{"R", r}, {"P", p}, {"S", s}, {"H", h}, {"G", g}, {"D", d}};
}

}  // namespace

Shape::Shape(const Params& params)
    : requests(params["R"]),
      prompt(params["P"]),
      steps(params["S"]),
      heads{params["H"], params["G"], params["D"]},
      width(params["G"] * params["D"]),
      q_width(params["H"] * params["D"]) {}

Request request(const Shape& s, const Io& io, std::int64_t i) {
  return {io.in<float>(kPromptK).data() + i * s.prompt * s.width,
          io.in<float>(kPromptV).data() + i * s.prompt * s.width,
          io.in<float>(kQ).data() + i * s.steps * s.q_width,
          io.in<float>(kK).data() + i * s.steps * s.width,
          io.in<float>(kV).data() + i * s.steps * s.width,
          io.out<float>(kO).data() + i * s.steps * s.q_width};
}

std::vector<float> scratch(const Shape& shape) {
  return std::vector<float>(kernels::decode_attention::scratch_floats(shape.heads, shape.tokens()));
}

bench::Lab describe() {
  return {
      .question =
          "What does a KV cache cost that is copied for every token, and what does it cost "
          "to allocate one for every request?",
      .targets = {"ch13:kv_cache_naive", "ch13:kv_cache_naive_pool"},
      .tags = {"attention", "kv-cache", "memory", "serving"},
      .cases = {{.name = "tinyllama_long",
                 .origin = "TinyLlama-1.1B, one layer: 32 heads, 4 KV heads of 64; a prompt of 960 "
                           "tokens, 64 generated",
                 .smoke = sizes(1, 30, 5, 4, 2, 64),
                 .full = sizes(1, 960, 64, 32, 4, 64)},
                {.name = "tinyllama_short_requests",
                 .origin = "TinyLlama-1.1B, one layer: 8 requests, prompts of 224 tokens, 4 "
                           "generated (classification, routing)",
                 .smoke = sizes(3, 18, 2, 4, 2, 64),
                 .full = sizes(8, 224, 4, 32, 4, 64)},
                {.name = "llama3_8b_long",
                 .origin = "Llama-3-8B, one layer: 32 heads, 8 KV heads of 128; a prompt of 992 "
                           "tokens, 32 generated",
                 .smoke = sizes(1, 15, 3, 4, 2, 128),
                 .full = sizes(1, 992, 32, 32, 8, 128)}},
      .ragged = {sizes(1, 1, 1, 1, 1, 1), sizes(2, 17, 3, 6, 3, 5), sizes(1, 16, 33, 2, 1, 40),
                 sizes(3, 2, 17, 3, 3, 17)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {concatenate(), doubling(), preallocated(), pooled(), paged(), engine_blocks()},
      .baseline = "concatenate",
  };
}

}  // namespace aisp::labs::ch13::kv_cache_naive
