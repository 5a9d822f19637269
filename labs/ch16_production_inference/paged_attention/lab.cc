// The lab: attention over a cache in blocks, gathered first or read where it lies. See README.md.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "kernels/eager_attention/reference.h"
#include "labs/ch16_production_inference/paged_attention/problem.h"

namespace aisp::labs::ch16::paged_attention {
namespace {

namespace eager = kernels::eager_attention;
using bench::Io;
using bench::Params;
using kernels::paged_attention::kBlockTokens;
using kernels::paged_attention::Type;

std::int64_t context(const Params& p, std::int64_t request) {
  return std::max<std::int64_t>(1, p["T"] * (request + 1) / p["B"]);
}

// The two forms of the pool belong together: they must not be mixed between two seeds.
bench::Problem problem(const Params& p) {
  const Shape s(p);
  const bool bytes = s.type == Type::kI8;
  const std::int64_t blocks = s.cache.blocks();
  const auto pool = [&](const char* name) {
    return bench::TensorSpec{.name = name,
                             .dtype = bytes ? DType::kI8 : DType::kBF16,
                             .shape = {blocks, kBlockTokens, p["G"], p["D"]},
                             .structured = true};
  };
  const auto scales = [&](const char* name) {
    return bench::TensorSpec{
        .name = name, .shape = {bytes ? blocks * kBlockTokens * p["G"] : 1}, .structured = true};
  };
  return {
      .inputs = {{.name = "q", .shape = {p["B"], p["H"], p["D"]}},
                 {.name = "contexts", .dtype = DType::kI32, .shape = {p["B"]}, .structured = true},
                 {.name = "tables",
                  .dtype = DType::kI32,
                  .shape = {p["B"], s.cache.table()},
                  .structured = true},
                 pool("pool_k"),
                 pool("pool_v"),
                 scales("scale_k"),
                 scales("scale_v"),
                 {.name = "blocks",
                  .dtype = DType::kU8,
                  .shape = {blocks, s.block_bytes()},
                  .structured = true}},
      .outputs = {{.name = "o", .shape = {p["B"], p["H"], p["D"]}}}};
}

/// One head of one token to 8 bits: the largest magnitude is 127 steps.
void to_bytes(const float* x, std::int64_t n, std::int8_t* to, float& scale) {
  float most = 0x1p-60f;
  for (std::int64_t d = 0; d < n; ++d) most = std::max(most, std::fabs(x[d]));
  scale = most / 127.0f;
  const float inverse = 127.0f / most;
  for (std::int64_t d = 0; d < n; ++d) {
    to[d] = static_cast<std::int8_t>(std::nearbyint(x[d] * inverse));
  }
}

/// The pool's form of K (or V): every sequence's tokens go where its table says.
void fill_pool(const Shape& s, const Io& io, std::span<const float> values, std::size_t pool,
               std::size_t scales) {
  const std::int64_t heads = s.heads.kv_heads, size = s.heads.head_size;
  const auto tables = io.in<std::int32_t>(kTables);
  for (std::int64_t i = 0; i < s.cache.sequences * s.cache.longest; ++i) {
    const std::int64_t sequence = i / s.cache.longest, token = i % s.cache.longest;
    const std::int64_t block =
        tables[static_cast<std::size_t>(sequence * s.cache.table() + token / kBlockTokens)];
    const std::int64_t place = block * kBlockTokens + token % kBlockTokens;
    for (std::int64_t g = 0; g < heads; ++g) {
      const float* from = values.data() + (i * heads + g) * size;
      const std::int64_t to = place * heads + g;
      if (s.type == Type::kI8) {
        to_bytes(from, size, io.fill<std::int8_t>(pool).data() + to * size,
                 io.fill<float>(scales)[static_cast<std::size_t>(to)]);
      } else {
        bf16* row = io.fill<bf16>(pool).data() + to * size;
        for (std::int64_t d = 0; d < size; ++d) row[d] = bf16(from[d]);
      }
    }
  }
}

/// Scores of deviation 2: some dozens of tokens have most of a row's weight.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const Shape s(p);
  fill_normal(io.fill<float>(kQ), derive_seed(seed, 1), 2.0f);
  const auto contexts = io.fill<std::int32_t>(kContexts);
  for (std::int64_t r = 0; r < p["B"]; ++r) {
    contexts[static_cast<std::size_t>(r)] = static_cast<std::int32_t>(context(p, r));
  }
  eager::deal_blocks(s.cache, derive_seed(seed, 2), io.fill<std::int32_t>(kTables));
  const float bound = std::sqrt(3.0f);
  std::vector<float> k(static_cast<std::size_t>(p["B"] * p["T"] * s.heads.kv_width()));
  std::vector<float> v(k.size());
  fill_uniform(k, derive_seed(seed, 3), -bound, bound);
  fill_uniform(v, derive_seed(seed, 4), -bound, bound);
  fill_pool(s, io, k, kPoolK, kScaleK);
  fill_pool(s, io, v, kPoolV, kScaleV);
  std::vector<kernels::paged_attention::Sequence> rows;
  eager::whole_sequences(s.cache, io.in<std::int32_t>(kTables), contexts, rows);
  eager::fill_blocks(eager::cache_over(s.type, s.heads.kv_heads, s.heads.head_size,
                                       io.in<std::uint8_t>(kBlocks).data()),
                     s.cache.blocks(), rows, k.data(), v.data());
}

/// Two products of 2 D operations for each query head and token; each K and V of the cache once.
bench::Work work(const Params& p) {
  const Shape s(p);
  double tokens = 0.0;
  for (std::int64_t r = 0; r < p["B"]; ++r) tokens += static_cast<double>(context(p, r));
  const auto width = static_cast<double>(s.heads.width() * p["B"]);
  const double bytes_of_token =
      static_cast<double>(s.block_bytes()) / static_cast<double>(kBlockTokens);
  return {.flops = 4.0 * tokens * static_cast<double>(s.heads.width()),
          .flops_dtype = s.type == Type::kI8 ? DType::kI8 : DType::kF32,
          .bytes_read = tokens * bytes_of_token + 4.0 * width,
          .bytes_written = 4.0 * width,
          .items = static_cast<double>(p["B"]),
          .item_name = "tokens"};
}

/// From the pool's plain form; only 8 bits may be rounded again (q and weights).
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const Shape s(p);
  auto& out = expected.outputs[kO];
  out.scale.assign(out.value.size(), 0.0);
  Gathered values(s);
  for (std::int64_t r = 0; r < p["B"]; ++r) {
    const std::int64_t tokens = context(p, r), place = r * s.heads.width();
    values.gather(s, io, r, tokens);
    eager::reference_row(
        s.heads, {values.k.data(), values.v.data()}, eager::tokens_between(0, tokens),
        s.type == Type::kI8 ? eager::Bytes::kInside : eager::Bytes::kNone,
        io.in<float>(kQ).data() + place, out.value.data() + place, out.scale.data() + place);
  }
}

/// The bound itself is in `scale`. rms: roundings of f32 average out to some thousandths of their
/// worst case, inputs rounded to bf16 show more than 0.1; 8 bits show 1/6 of their six deviations
/// at most, a query of 6 bits three times that. The second term is for sizes of few outputs.
Tolerance tolerance(const Params& p) {
  const auto outputs = static_cast<double>(p["B"] * p["H"] * p["D"]);
  return {.relative = 1.0, .rms = (p["bits"] == 8 ? 1.15 / 6.0 : 0.02) + 0.3 / std::sqrt(outputs)};
}

Params sizes(std::int64_t b, std::int64_t t, std::int64_t h, std::int64_t g, std::int64_t d,
             std::int64_t bits) {
  return {{"B", b}, {"T", t}, {"H", h}, {"G", g}, {"D", d}, {"bits", bits}};
}

}  // namespace

Shape::Shape(const Params& p)
    : heads{p["H"], p["G"], p["D"]},
      cache{p["B"], p["T"]},
      type(p["bits"] == 8 ? Type::kI8 : Type::kBF16) {}

bench::Lab describe() {
  const std::string llama =
      "Llama-3.2-1B, one layer: 32 heads, 8 KV heads of 64; 8 requests of "
      "256 to 2048 tokens, cache in ";
  const std::string qwen =
      "Qwen2.5-3B, one layer: 16 heads, 2 KV heads of 128; 8 requests of 512 "
      "to 4096 tokens, cache in ";
  return {
      .question =
          "What does attention gain from reading K and V in their blocks, instead of "
          "gathering each request first?",
      .targets = {"ch16:paged_attention"},
      .tags = {"attention", "kv-cache", "serving", "int8"},
      .cases = {{.name = "llama32_1b",
                 .origin = llama + "bf16",
                 .smoke = sizes(3, 150, 4, 2, 64, 16),
                 .full = sizes(8, 2048, 32, 8, 64, 16)},
                {.name = "llama32_1b_int8",
                 .origin = llama + "8 bits",
                 .smoke = sizes(3, 150, 4, 2, 64, 8),
                 .full = sizes(8, 2048, 32, 8, 64, 8)},
                {.name = "qwen25_3b",
                 .origin = qwen + "bf16",
                 .smoke = sizes(2, 100, 8, 1, 128, 16),
                 .full = sizes(8, 4096, 16, 2, 128, 16)},
                {.name = "qwen25_3b_int8",
                 .origin = qwen + "8 bits",
                 .smoke = sizes(2, 100, 8, 1, 128, 8),
                 .full = sizes(8, 4096, 16, 2, 128, 8)}},
      // One token; contexts around a block (32) and a chunk (256).
      .ragged = {sizes(1, 1, 1, 1, 16, 16), sizes(2, 33, 6, 3, 48, 8), sizes(3, 257, 5, 1, 80, 16),
                 sizes(4, 31, 4, 4, 16, 8), sizes(7, 7, 2, 1, 32, 8)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {gather_dense(), padded_batch(), gather_blocks(), paged(), paged_threads()},
      .baseline = "gather_dense",
  };
}

}  // namespace aisp::labs::ch16::paged_attention
