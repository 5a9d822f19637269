// The lab: a growing cache in f32, bf16 or 8 bits. See README.md.
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "kernels/eager_attention/reference.h"
#include "labs/ch19_low_precision/dynamic_quantized_cache/problem.h"

namespace aisp::labs::ch19::dynamic_quantized_cache {
namespace {

namespace eager = kernels::eager_attention;
using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const Shape s = shape_of(p);
  const std::vector<std::int64_t> kv = {s.tokens(), p["G"], p["D"]};
  const std::vector<std::int64_t> q = {p["S"], p["H"], p["D"]};
  return {
      .inputs = {{.name = "k", .shape = kv}, {.name = "v", .shape = kv}, {.name = "q", .shape = q}},
      .outputs = {{.name = "o", .shape = q}}};
}

/// Every sixteenth channel of K is ten times larger, and that of q as much smaller: what models
/// learn, and what makes a scale for a whole head of a token coarse for its other channels.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  for (const std::size_t i : {kK, kV}) {
    fill_uniform(io.fill<float>(i), derive_seed(seed, i), -1.7f, 1.7f);
  }
  fill_normal(io.fill<float>(kQ), derive_seed(seed, kQ), 1.5f);
  const auto size = static_cast<std::size_t>(p["D"]);
  const auto k = io.fill<float>(kK), q = io.fill<float>(kQ);
  for (std::size_t i = 0; i < k.size(); ++i) k[i] *= i % size % 16 == 5 ? 10.0f : 1.0f;
  for (std::size_t i = 0; i < q.size(); ++i) q[i] *= i % size % 16 == 5 ? 0.1f : 1.0f;
}

/// The operations of attention, of the cheapest precision; K, V and q once. Reading the cache again
/// at each step is from wherever the machine keeps it.
bench::Work work(const Params& p) {
  const Shape s = shape_of(p);
  const auto q = static_cast<double>(s.steps * s.heads.width());
  return {.flops = s.flops(),
          .flops_dtype = DType::kI8,
          .bytes_read = 4.0 * (q + 2.0 * static_cast<double>(s.tokens() * s.heads.kv_width())),
          .bytes_written = 4.0 * q,
          .items = static_cast<double>(s.steps),
          .item_name = "tokens"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const Shape s = shape_of(p);
  auto& out = expected.outputs[kO];
  out.scale.assign(out.value.size(), 0.0);
  for (std::int64_t step = 0; step < s.steps; ++step) {
    const std::int64_t row = step * s.heads.width();
    eager::reference_row(s.heads, {io.in<float>(kK).data(), io.in<float>(kV).data()},
                         eager::tokens_between(0, s.prompt + step + 1),
                         eager::Bytes::kInsideAndCached, io.in<float>(kQ).data() + row,
                         out.value.data() + row, out.scale.data() + row);
  }
}

/// The bound is in `scale`: six deviations of what 8 bits cause, with the scale of each head of
/// each token (kernels/eager_attention/reference.cc). rms: 8 bits show 1/6, 7 bits 2/6 (see the
/// test). The second term is for sizes of few outputs.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["S"] * p["H"] * p["D"]);
  return {.relative = 1.0, .rms = 1.15 / 6.0 + 0.3 / std::sqrt(outputs)};
}

Params sizes(std::int64_t p, std::int64_t s, std::int64_t h, std::int64_t g, std::int64_t d) {
  return {{"P", p}, {"S", s}, {"H", h}, {"G", g}, {"D", d}};
}

}  // namespace

Shape shape_of(const Params& p) {
  return {.prompt = p["P"], .steps = p["S"], .heads = {p["H"], p["G"], p["D"]}};
}

bench::Lab describe() {
  return {
      .question =
          "What does a growing KV cache gain from 8 bits, and what does that cost in "
          "accuracy?",
      .targets = {"ch19:dynamic_quantized_cache"},
      .tags = {"attention", "kv-cache", "int8", "quantization"},
      .cases = {{.name = "llama32_1b",
                 .origin =
                     "Llama-3.2-1B, a quarter of a layer: 8 heads, 2 KV heads of 64; a prompt "
                     "of 512 tokens, 128 generated",
                 .smoke = sizes(60, 5, 4, 2, 64),
                 .full = sizes(512, 128, 8, 2, 64)},
                {.name = "qwen25_05b_long",
                 .origin = "Qwen2.5-0.5B, half of a layer: 7 heads, 1 KV head of 64; a prompt of "
                           "4096 tokens, 48 generated",
                 .smoke = sizes(100, 2, 7, 1, 64),
                 .full = sizes(4096, 48, 7, 1, 64)}},
      // Around a block (32) and a chunk (256).
      .ragged = {sizes(1, 1, 1, 1, 16), sizes(31, 3, 6, 3, 48), sizes(255, 2, 2, 1, 32),
                 sizes(30, 35, 5, 1, 80)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {f32_blocks(), bf16_blocks(), int8_blocks(), int8_widened(),
                     int8_blocks_threads()},
      .baseline = "f32_blocks",
  };
}

}  // namespace aisp::labs::ch19::dynamic_quantized_cache
