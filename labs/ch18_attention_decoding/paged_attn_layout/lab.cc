// The lab: what a block of a cache looks like, when it is written and when it is read. See
// README.md.
#include <cmath>
#include <numeric>
#include <vector>

#include "base/rng.h"
#include "labs/ch18_attention_decoding/paged_attn_layout/problem.h"

namespace aisp::labs::ch18::paged_attn_layout {
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

void prepare(const Params&, std::uint64_t seed, const Io& io) {
  for (const std::size_t i : {kK, kV}) {
    fill_uniform(io.fill<float>(i), derive_seed(seed, i), -1.7f, 1.7f);
  }
  fill_normal(io.fill<float>(kQ), derive_seed(seed, kQ), 2.0f);
}

/// The operations of attention; what comes in and goes out once, and each K and V once into the
/// cache. Reading the cache again at each step is from the machine's own caches.
bench::Work work(const Params& p) {
  const Shape s = shape_of(p);
  const auto kv = 2.0 * static_cast<double>(s.tokens() * s.heads.kv_width());
  const auto q = static_cast<double>(s.steps * s.heads.width());
  return {.flops = s.flops(),
          .bytes_read = 4.0 * (kv + q),
          .bytes_written = 4.0 * (kv + q),
          .items = static_cast<double>(s.tokens()),
          .item_name = "tokens"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const Shape s = shape_of(p);
  auto& out = expected.outputs[kO];
  out.scale.assign(out.value.size(), 0.0);
  eager::reference_ranges(s.heads, s.ranges(), io.in<float>(kQ).data(), io.in<float>(kK).data(),
                          io.in<float>(kV).data(), out.value, out.scale);
}

/// The bound is in `scale`. rms: f32 shows some thousandths of its worst case, a cache in bf16 more
/// than 0.1 (see the test). The second term is for sizes of few outputs.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["S"] * p["H"] * p["D"]);
  return {.relative = 1.0, .rms = 0.02 + 0.3 / std::sqrt(outputs)};
}

Params sizes(std::int64_t p, std::int64_t s, std::int64_t h, std::int64_t g, std::int64_t d) {
  return {{"P", p}, {"S", s}, {"H", h}, {"G", g}, {"D", d}};
}

}  // namespace

Shape shape_of(const Params& p) {
  return {.prompt = p["P"], .steps = p["S"], .heads = {p["H"], p["G"], p["D"]}};
}

Blocks::Blocks(const Shape& shape, std::int64_t block_tokens)
    : block_tokens_(block_tokens),
      width_(shape.heads.kv_width()),
      table_(static_cast<std::size_t>((shape.tokens() + block_tokens - 1) / block_tokens)),
      memory_(table_.size() * static_cast<std::size_t>(2 * block_tokens * width_) * sizeof(float)) {
  // Prime to every count: the ids repeat only after all were taken.
  const auto count = static_cast<std::int64_t>(table_.size());
  std::int64_t step = count * 5 / 8 + 1;
  while (std::gcd(step, count) != 1) ++step;
  for (std::int64_t i = 0; i < count; ++i) {
    table_[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i * step % count);
  }
  memory_.fill();
}

float* Blocks::at(std::int64_t block) {
  return reinterpret_cast<float*>(memory_.data()) +
         table_[static_cast<std::size_t>(block)] * 2 * v_offset();
}

bench::Lab describe() {
  return {
      .question = "What does the layout of a cache's blocks cost when appending and attending?",
      .targets = {"ch18:paged_attn_layout", "ch18:paged_attn_backend"},
      .tags = {"attention", "kv-cache", "memory", "layout"},
      .cases = {{.name = "llama32_1b_append",
                 .origin = "Llama-3.2-1B, one layer: 32 heads, 8 KV heads of 64; a prompt of 2048 "
                           "tokens, one generated: appending",
                 .smoke = sizes(70, 1, 4, 2, 64),
                 .full = sizes(2048, 1, 32, 8, 64)},
                {.name = "llama32_1b_attend",
                 .origin = "the same layer: a prompt of 1024 tokens, 64 generated: attending",
                 .smoke = sizes(60, 6, 4, 2, 64),
                 .full = sizes(1024, 64, 32, 8, 64)},
                {.name = "qwen25_3b_attend",
                 .origin = "Qwen2.5-3B, one layer: 16 heads, 2 KV heads of 128; a prompt of 2048 "
                           "tokens, 64 generated",
                 .smoke = sizes(40, 3, 8, 1, 128),
                 .full = sizes(2048, 64, 16, 2, 128)}},
      // Around blocks of 16, 32, 64 and 256 tokens.
      .ragged = {sizes(1, 1, 1, 1, 16), sizes(15, 3, 6, 3, 48), sizes(63, 2, 2, 1, 32),
                 sizes(255, 3, 4, 4, 16), sizes(31, 34, 5, 1, 80)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {token_major_16(), token_major_64(), token_major_256(), head_major_16(),
                     head_major_64(), transposed_32(), transposed_32_tiles()},
      .baseline = "token_major_16",
  };
}

}  // namespace aisp::labs::ch18::paged_attn_layout
