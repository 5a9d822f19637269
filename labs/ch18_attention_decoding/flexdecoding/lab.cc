// The lab: masks as matrices, or structure that the kernel knows. See README.md.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "labs/ch18_attention_decoding/flexdecoding/problem.h"

namespace aisp::labs::ch18::flexdecoding {
namespace {

namespace eager = kernels::eager_attention;
namespace paged = kernels::paged_attention;
using bench::Io;
using bench::Params;

// K and V come in two forms that belong together: they must not be mixed between two seeds.
bench::Problem problem(const Params& p) {
  const Shape s(p);
  const std::int64_t block = paged::block_bytes(paged::Type::kF32, p["G"], p["D"]);
  const auto kv = [&](const char* name) {
    return bench::TensorSpec{.name = name, .shape = {p["T"], p["G"], p["D"]}, .structured = true};
  };
  return {.inputs = {{.name = "q", .shape = {p["R"], p["H"], p["D"]}},
                     kv("k"),
                     kv("v"),
                     {.name = "tables",
                      .dtype = DType::kI32,
                      .shape = {s.cache().sequences, s.cache().table()},
                      .structured = true},
                     {.name = "blocks",
                      .dtype = DType::kU8,
                      .shape = {s.cache().blocks(), block},
                      .structured = true}},
          .outputs = {{.name = "o", .shape = {p["R"], p["H"], p["D"]}}}};
}

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const Shape s(p);
  fill_normal(io.fill<float>(kQ), derive_seed(seed, 1), 2.0f);
  for (const std::size_t input : {kK, kV}) {
    fill_uniform(io.fill<float>(input), derive_seed(seed, input + 1), -1.7f, 1.7f);
  }
  const auto tables = io.fill<std::int32_t>(kTables);
  eager::deal_blocks(s.cache(), derive_seed(seed, 4), tables);
  Shape all = s;
  all.rows = s.tokens;
  eager::fill_blocks(
      eager::cache_over(paged::Type::kF32, p["G"], p["D"], io.in<std::uint8_t>(kBlocks).data()),
      s.cache().blocks(), all.documents(tables), io.in<float>(kK).data(), io.in<float>(kV).data());
}

/// Two products of 2 D operations for each visible pair; K and V of the tokens that any row sees.
bench::Work work(const Params& p) {
  const Shape s(p);
  const auto ranges = s.ranges();
  std::int64_t first = s.tokens, last = 0;
  for (const eager::Range& one : ranges) {
    first = std::min(first, one.begin);
    last = std::max(last, one.end);
  }
  const auto q = static_cast<double>(s.rows * s.heads.width());
  return {.flops = 4.0 * static_cast<double>(eager::visible_pairs(ranges)) *
                   static_cast<double>(s.heads.width()),
          .bytes_read = 4.0 * (q + 2.0 * static_cast<double>((last - first) * s.heads.kv_width())),
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

/// The bound is in `scale`; a token too much or too few is beyond it (see the test). rms: f32 shows
/// some thousandths of its worst case. The second term is for sizes of few outputs.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["R"] * p["H"] * p["D"]);
  return {.relative = 1.0, .rms = 0.02 + 0.3 / std::sqrt(outputs)};
}

Params sizes(Kind kind, std::int64_t w, std::int64_t r, std::int64_t t, std::int64_t h,
             std::int64_t g, std::int64_t d) {
  return {{"kind", static_cast<std::int64_t>(kind)},
          {"W", w},
          {"R", r},
          {"T", t},
          {"H", h},
          {"G", g},
          {"D", d}};
}

}  // namespace

Shape::Shape(const Params& p)
    : kind(static_cast<Kind>(p["kind"])),
      W(p["W"]),
      rows(p["R"]),
      tokens(p["T"]),
      heads{p["H"], p["G"], p["D"]} {}

/// Documents of unequal lengths: the i-th is about 2 i + 1 parts of W^2.
std::vector<std::int64_t> Shape::bounds() const {
  if (kind != Kind::kDocuments) return {0, tokens};
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i <= W; ++i) all.push_back(i * i * tokens / (W * W));
  return all;
}

std::vector<eager::Range> Shape::ranges() const {
  std::vector<eager::Range> all;
  const auto starts = bounds();
  for (std::int64_t position = tokens - rows; position < tokens; ++position) {
    if (kind == Kind::kWindow) {
      all.push_back({std::max<std::int64_t>(0, position - W + 1), position + 1});
    } else if (kind == Kind::kPrefix) {
      all.push_back({0, std::max(W, position + 1)});
    } else {
      all.push_back({*std::prev(std::ranges::upper_bound(starts, position)), position + 1});
    }
  }
  return all;
}

eager::Scattered Shape::cache() const {
  const auto starts = bounds();
  std::int64_t longest = 0;
  for (std::size_t i = 1; i < starts.size(); ++i) {
    longest = std::max(longest, starts[i] - starts[i - 1]);
  }
  return {.sequences = std::ssize(starts) - 1, .longest = longest};
}

std::vector<paged::Sequence> Shape::documents(std::span<const std::int32_t> tables) const {
  const auto starts = bounds();
  const auto blocks = static_cast<std::size_t>(cache().table());
  const std::int64_t context = tokens - rows;
  std::vector<paged::Sequence> all;
  for (std::size_t i = 0; i + 1 < starts.size(); ++i) {
    const std::int64_t first = std::max(starts[i], context);
    if (first >= starts[i + 1]) continue;
    all.push_back({.first_row = first - context,
                   .rows = starts[i + 1] - first,
                   .context = first - starts[i],
                   .blocks = tables.subspan(i * blocks, blocks)});
  }
  return all;
}

bench::Lab describe() {
  using enum Kind;
  return {
      .question = "What does attention gain when the kernel knows a mask's structure?",
      .targets = {"ch18:flexdecoding", "ch18:flexattention_sliding_window",
                  "ch13:attention_sliding_window", "ch14:flex_attention_sparse"},
      .tags = {"attention", "sparsity", "serving"},
      .cases = {{.name = "gemma3_1b_window_decode",
                 .origin = "Gemma-3-1B, a local layer: 4 heads, 1 KV head of 256, window 512; one "
                           "token after 4095",
                 .smoke = sizes(kWindow, 40, 1, 300, 4, 1, 64),
                 .full = sizes(kWindow, 512, 1, 4096, 4, 1, 256)},
                {.name = "gemma3_1b_window_prompt",
                 .origin = "the same layer: the last 512 tokens of a prompt of 2048",
                 .smoke = sizes(kWindow, 50, 70, 200, 4, 1, 64),
                 .full = sizes(kWindow, 512, 512, 2048, 4, 1, 256)},
                {.name = "paligemma_prefix",
                 .origin =
                     "PaliGemma-3B, one layer: 8 heads, 1 KV head of 256; 256 tokens of image "
                     "and 32 of question that see each other, 32 of answer",
                 .smoke = sizes(kPrefix, 60, 70, 70, 8, 1, 64),
                 .full = sizes(kPrefix, 288, 320, 320, 8, 1, 256)},
                {.name = "smollm2_135m_documents",
                 .origin =
                     "SmolLM2-135M, one layer: 9 heads, 3 KV heads of 64; 8 documents of 16 to "
                     "240 tokens packed into 1024",
                 .smoke = sizes(kDocuments, 4, 130, 130, 3, 1, 64),
                 .full = sizes(kDocuments, 8, 1024, 1024, 9, 3, 64)}},
      // One token; windows around a block (32) and a chunk (256); a prefix longer and shorter than
      // what is cached; a document that is cut by the first row.
      .ragged = {sizes(kWindow, 1, 1, 1, 1, 1, 16), sizes(kWindow, 33, 65, 290, 6, 3, 32),
                 sizes(kWindow, 257, 3, 600, 3, 1, 48), sizes(kPrefix, 40, 50, 70, 4, 2, 32),
                 sizes(kPrefix, 9, 20, 50, 5, 1, 80), sizes(kPrefix, 20, 20, 20, 2, 2, 16),
                 sizes(kDocuments, 3, 50, 100, 4, 1, 32)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {mask_matrix(), mask_blocks(), known_structure()},
      .baseline = "mask_matrix",
  };
}

}  // namespace aisp::labs::ch18::flexdecoding
