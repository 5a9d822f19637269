// The lab: where rotary angles come from, and when K turns. See README.md.
#include <cmath>
#include <vector>

#include "base/numeric.h"
#include "base/rng.h"
#include "labs/ch18_attention_decoding/rope_q_cache/problem.h"

namespace aisp::labs::ch18::rope_q_cache {
namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  const Shape s(p);
  const std::vector<std::int64_t> q = {s.layers, s.rows, s.heads, s.size};
  const std::vector<std::int64_t> kv = {s.layers, s.rows, s.kv_heads, s.size};
  return {.inputs =
              {{.name = "q", .shape = q},
               {.name = "k", .shape = kv},
               {.name = "v", .shape = kv},
               {.name = "positions", .dtype = DType::kI32, .shape = {s.rows}, .structured = true}},
          .outputs = {{.name = "o", .shape = q},
                      {.name = "cache",
                       .dtype = DType::kBF16,
                       .shape = {s.layers, s.rows / 32, s.block_numbers()}}}};
}

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const Shape s(p);
  for (const std::size_t i : {kQ, kK, kV}) {
    fill_uniform(io.fill<float>(i), derive_seed(seed, i), -1.7f, 1.7f);
  }
  Rng rng(derive_seed(seed, 9));
  const auto starts = static_cast<std::uint64_t>((s.positions - s.rows) / 32 + 1);
  auto position = static_cast<std::int32_t>(32 * rng.below(starts));
  for (auto& one : io.fill<std::int32_t>(kPositions)) one = position++;
}

/// Three operations a number that turns; everything in once and out once.
bench::Work work(const Params& p) {
  const Shape s(p);
  const auto rows = static_cast<double>(s.layers * s.rows);
  const auto q = rows * static_cast<double>(s.width());
  const auto kv = rows * static_cast<double>(s.kv_width());
  return {.flops = 3.0 * (q + kv),
          .bytes_read = 4.0 * (q + 2.0 * kv),
          .bytes_written = 4.0 * q + 2.0 * 2.0 * kv,
          .items = static_cast<double>(s.rows),
          .item_name = "tokens"};
}

/// A turned pair in double. The angle may be computed in f32, as most programs do: off by 2 u of
/// itself and 2 u for cosine and sine, which moves a by (2 angle + 2) u |b| and so on; the products
/// and the sum round once each.
struct Turned {
  double low, high, low_error, high_error;
};
Turned turn(double a, double b, double angle) {
  const double c = std::cos(angle), n = std::sin(angle);
  const double low = a * c - b * n, high = b * c + a * n;
  const double moved = (2.0 * angle + 2.0) * (std::fabs(a) + std::fabs(b));
  const double u = unit_roundoff(DType::kF32);
  return {low, high, u * (moved + std::fabs(a * c) + std::fabs(b * n) + std::fabs(low)),
          u * (moved + std::fabs(b * c) + std::fabs(a * n) + std::fabs(high))};
}

/// A head of one row, and where its numbers go: dimension d at to + d * stride.
void expect_head(const Shape& s, const float* x, double position, std::size_t to,
                 std::size_t stride, double rounding, bench::Expected::Output& out) {
  const auto frequencies = s.frequencies();
  const auto half = frequencies.size();
  for (std::size_t i = 0; i < half; ++i) {
    const Turned t = turn(x[i], x[i + half], position * frequencies[i]);
    const std::size_t low = to + i * stride, high = to + (i + half) * stride;
    out.value[low] = t.low;
    out.value[high] = t.high;
    out.scale[low] = t.low_error + rounding * std::fabs(t.low);
    out.scale[high] = t.high_error + rounding * std::fabs(t.high);
  }
}

/// One row of one layer. In a block K is [kv head][dimension][32 tokens], after all of K there is
/// V, [kv head][32 tokens][dimension]. What the cache holds rounds to bf16.
void expect_row(const Shape& s, const Io& io, std::int64_t layer, std::int64_t row,
                bench::Expected& expected) {
  const double position = io.in<std::int32_t>(kPositions)[static_cast<std::size_t>(row)];
  const double rounding = 1.01 * unit_roundoff(DType::kBF16);
  const std::int64_t at = layer * s.rows + row;
  const auto place = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  for (std::int64_t h = 0; h < s.heads; ++h) {
    const std::int64_t first = (at * s.heads + h) * s.size;
    expect_head(s, io.in<float>(kQ).data() + first, position, place(first), 1, 0.0,
                expected.outputs[kO]);
  }
  auto& cache = expected.outputs[kCache];
  const std::int64_t block = at / 32 * s.block_numbers(), token = row % 32;
  for (std::int64_t g = 0; g < s.kv_heads; ++g) {
    const std::int64_t first = (at * s.kv_heads + g) * s.size;
    expect_head(s, io.in<float>(kK).data() + first, position,
                place(block + g * s.size * 32 + token), 32, rounding, cache);
    for (std::int64_t d = 0; d < s.size; ++d) {
      const std::size_t to = place(block + (s.kv_heads + g) * s.size * 32 + token * s.size + d);
      cache.value[to] = io.in<float>(kV)[place(first + d)];
      cache.scale[to] = rounding * std::fabs(cache.value[to]);
    }
  }
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const Shape s(p);
  for (auto& out : expected.outputs) out.scale.assign(out.value.size(), 0.0);
  for (std::int64_t l = 0; l < s.layers; ++l) {
    for (std::int64_t r = 0; r < s.rows; ++r) expect_row(s, io, l, r, expected);
  }
}

/// The bound is in `scale`. It is tight for the cache, one rounding, uniform: an rms of 1 / sqrt(3)
/// at most.
Tolerance tolerance(const Params&) { return {.relative = 1.0, .absolute = 1e-30, .rms = 0.6}; }

Params sizes(std::int64_t l, std::int64_t r, std::int64_t h, std::int64_t g, std::int64_t d,
             std::int64_t t) {
  return {{"L", l}, {"R", r}, {"H", h}, {"G", g}, {"D", d}, {"T", t}};
}

}  // namespace

bench::Lab describe() {
  const std::string llama = "Llama-3.2-1B: 32 heads, 8 KV heads of 64; ";
  return {
      .question =
          "What does a table of rotary angles save, and what does turning K on its way into "
          "the cache?",
      .targets = {"ch18:rope_q_cache"},
      .tags = {"attention", "kv-cache", "fusion", "memory"},
      .cases = {{.name = "llama32_1b_32_rows",
                 .origin = llama + "16 layers, a piece of 32 tokens of a prompt of up to 8192",
                 .smoke = sizes(3, 32, 4, 2, 64, 256),
                 .full = sizes(16, 32, 32, 8, 64, 8192)},
                {.name = "llama32_1b_512_rows",
                 .origin = llama + "2 of 16 layers, a prompt of 512 tokens",
                 .smoke = sizes(2, 64, 4, 2, 64, 256),
                 .full = sizes(2, 512, 32, 8, 64, 8192)},
                {.name = "qwen25_05b_32_rows",
                 .origin = "Qwen2.5-0.5B: 24 layers, 14 heads, 2 KV heads of 64; 32 tokens",
                 .smoke = sizes(2, 32, 7, 1, 64, 128),
                 .full = sizes(24, 32, 14, 2, 64, 8192)}},
      .ragged = {sizes(1, 32, 1, 1, 16, 32), sizes(2, 96, 3, 3, 48, 100),
                 sizes(1, 64, 5, 1, 80, 1000)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {angles_each_layer(), angles_each_step(), table(), table_fused_append()},
      .baseline = "angles_each_layer",
  };
}

}  // namespace aisp::labs::ch18::rope_q_cache
