// The lab: a prompt's attention, the matrix of scores in memory or never. See README.md.
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "labs/ch16_production_inference/flash_sdp/problem.h"

namespace aisp::labs::ch16::flash_sdp {
namespace {

namespace eager = kernels::eager_attention;
namespace paged = kernels::paged_attention;
using bench::Io;
using bench::Params;

// K and V come in two forms that belong together: they must not be mixed between two seeds.
bench::Problem problem(const Params& p) {
  const Shape s(p);
  const std::vector<std::int64_t> q = {p["R"], p["H"], p["D"]}, kv = {s.tokens(), p["G"], p["D"]};
  return {
      .inputs =
          {{.name = "q", .shape = q},
           {.name = "k", .shape = kv, .structured = true},
           {.name = "v", .shape = kv, .structured = true},
           {.name = "table", .dtype = DType::kI32, .shape = {s.cache.table()}, .structured = true},
           {.name = "blocks",
            .dtype = DType::kU8,
            .shape = {s.cache.blocks(), paged::block_bytes(paged::Type::kF32, p["G"], p["D"])},
            .structured = true}},
      .outputs = {{.name = "o", .shape = q}}};
}

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const Shape s(p);
  const float bound = std::sqrt(3.0f);
  fill_normal(io.fill<float>(kQ), derive_seed(seed, 1), 2.0f);
  fill_uniform(io.fill<float>(kK), derive_seed(seed, 2), -bound, bound);
  fill_uniform(io.fill<float>(kV), derive_seed(seed, 3), -bound, bound);
  eager::deal_blocks(s.cache, derive_seed(seed, 4), io.fill<std::int32_t>(kTable));
  const paged::Sequence all{.rows = s.tokens(), .blocks = io.in<std::int32_t>(kTable)};
  eager::fill_blocks(
      eager::cache_over(paged::Type::kF32, p["G"], p["D"], io.in<std::uint8_t>(kBlocks).data()),
      s.cache.blocks(), {&all, 1}, io.in<float>(kK).data(), io.in<float>(kV).data());
}

/// Two products of 2 D operations for each visible pair; the softmax not counted.
bench::Work work(const Params& p) {
  const Shape s(p);
  const auto pairs = static_cast<double>(eager::visible_pairs(s.ranges()));
  const auto q = static_cast<double>(s.rows * s.heads.width());
  const auto kv = static_cast<double>(s.tokens() * s.heads.kv_width());
  return {.flops = 4.0 * pairs * static_cast<double>(s.heads.width()),
          .bytes_read = 4.0 * (q + 2.0 * kv),
          .bytes_written = 4.0 * q,
          .items = static_cast<double>(s.rows),
          .item_name = "tokens"};
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const Shape s(p);
  auto& out = expected.outputs[kO];
  out.scale.assign(out.value.size(), 0.0);
  eager::reference_ranges(s.heads, s.ranges(), io.in<float>(kQ).data(), io.in<float>(kK).data(),
                          io.in<float>(kV).data(), out.value, out.scale);
}

/// The bound is in `scale`. rms: f32 shows some thousandths of its worst case, inputs rounded to
/// bf16 more than 0.1 (see the test). The second term is for sizes of few outputs.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["R"] * p["H"] * p["D"]);
  return {.relative = 1.0, .rms = 0.02 + 0.3 / std::sqrt(outputs)};
}

Params sizes(std::int64_t r, std::int64_t c, std::int64_t h, std::int64_t g, std::int64_t d) {
  return {{"R", r}, {"C", c}, {"H", h}, {"G", g}, {"D", d}};
}

}  // namespace

Shape::Shape(const Params& p)
    : rows(p["R"]),
      context(p["C"]),
      heads{p["H"], p["G"], p["D"]},
      cache{.sequences = 1, .longest = p["C"] + p["R"]} {}

std::vector<eager::Range> Shape::ranges() const {
  std::vector<eager::Range> all;
  for (std::int64_t r = 0; r < rows; ++r) all.push_back({0, context + r + 1});
  return all;
}

bench::Lab describe() {
  return {
      .question = "What does a prompt's attention gain when its scores are never in memory?",
      .targets = {"ch16:flash_sdp", "ch16:dense_attention_flash", "ch13:attention_standard",
                  "ch13:long_context_attention"},
      .tags = {"attention", "fusion", "prefill", "serving"},
      .cases = {{.name = "llama32_1b_prompt",
                 .origin = "Llama-3.2-1B, one layer: 32 heads, 8 KV heads of 64; a prompt of 512 "
                           "tokens",
                 .smoke = sizes(70, 0, 4, 2, 64),
                 .full = sizes(512, 0, 32, 8, 64)},
                {.name = "llama32_1b_chunk",
                 .origin = "the same layer: a piece of 128 tokens of a long prompt, 1920 before it",
                 .smoke = sizes(20, 250, 4, 2, 64),
                 .full = sizes(128, 1920, 32, 8, 64)},
                {.name = "smollm2_135m_prompt",
                 .origin = "SmolLM2-135M, one layer: 9 heads, 3 KV heads of 64; a prompt of 1024 "
                           "tokens",
                 .smoke = sizes(65, 0, 3, 1, 64),
                 .full = sizes(1024, 0, 9, 3, 64)}},
      // One row; around a block of rows (64), a block (32) and a chunk (256) of tokens.
      .ragged = {sizes(1, 0, 1, 1, 16), sizes(1, 300, 4, 1, 32), sizes(65, 31, 3, 3, 48),
                 sizes(33, 223, 5, 1, 80)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {score_matrix(), row_blocks(), online_tiles(), online_chunks(),
                     online_chunks_threads()},
      .baseline = "score_matrix",
  };
}

}  // namespace aisp::labs::ch16::flash_sdp
