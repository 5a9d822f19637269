// Properties of attention beyond equality with the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch10_pipelines/flash_attention/problem.h"
#include "labs/ch10_pipelines/flash_attention/tiles.h"

namespace aisp::labs::ch10::flash_attention {

bench::Lab describe();

namespace {

struct Tensors {
  std::vector<float> q, k, v;
};

std::vector<float> attend(const bench::Technique& technique, const Shape& s, Tensors t) {
  std::vector<float> o(t.q.size());
  bench::Io::Buffer in[3] = {{t.q.data(), t.q.size() * 4, DType::kF32, nullptr},
                             {t.k.data(), t.k.size() * 4, DType::kF32, nullptr},
                             {t.v.data(), t.v.size() * 4, DType::kF32, nullptr}};
  bench::Io::Buffer out = {o.data(), o.size() * 4, DType::kF32, nullptr};
  technique.plan({{"heads", s.heads}, {"kv_heads", s.kv_heads}, {"T", s.T}, {"D", s.D}})
      ->run(bench::Io(in, {&out, 1}), 1);
  return o;
}

Tensors random_tensors(const Shape& s) {
  Tensors t = {std::vector<float>(static_cast<std::size_t>(s.heads * s.T * s.D)),
               std::vector<float>(static_cast<std::size_t>(s.kv_heads * s.T * s.D)),
               std::vector<float>(static_cast<std::size_t>(s.kv_heads * s.T * s.D))};
  fill_normal(t.q, 1);
  fill_normal(t.k, 2);
  fill_normal(t.v, 3);
  return t;
}

std::vector<bench::Technique> techniques_here() {
  std::vector<bench::Technique> here;
  for (const bench::Technique& one : describe().techniques) {
    if (!one.needs || one.needs(machine::cpu()).empty()) here.push_back(one);
  }
  return here;
}

TEST(FlashAttention, AllTechniquesAreRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(FlashAttention, TheFutureChangesNothing) {
  const Shape s = {1, 1, 150, 32};
  const Tensors t = random_tensors(s);
  for (const bench::Technique& technique : techniques_here()) {
    const auto whole = attend(technique, s, t);
    for (const std::int64_t seen : {1, 64, 100}) {
      Tensors changed = t;
      for (auto i = static_cast<std::size_t>(seen * s.D); i < changed.k.size(); ++i) {
        changed.k[i] = 50.0f;
        changed.v[i] = -7.0f;
      }
      const auto other = attend(technique, s, changed);
      const auto until = static_cast<std::ptrdiff_t>(seen * s.D);
      EXPECT_TRUE(std::equal(whole.begin(), whole.begin() + until, other.begin()))
          << technique.name << " " << seen;
    }
  }
}

TEST(FlashAttention, FirstTokenSeesOnlyItself) {
  const Shape s = {2, 1, 40, 24};
  const Tensors t = random_tensors(s);
  for (const bench::Technique& technique : techniques_here()) {
    const auto o = attend(technique, s, t);
    for (std::size_t d = 0; d < 24; ++d) {
      EXPECT_EQ(o[d], t.v[d]) << technique.name;
      EXPECT_EQ(o[40 * 24 + d], t.v[d]) << technique.name;
    }
  }
}

/// Scores of +-10,000: only the running maximum keeps the exponentials in range, and most keys
/// of a later block raise it.
TEST(FlashAttention, HugeScoresStayFinite) {
  const Shape s = {1, 1, 200, 16};
  Tensors t = random_tensors(s);
  for (std::size_t i = 0; i < t.k.size(); ++i) {
    t.q[i] = 10.0f;
    t.k[i] = (i / 16) % 67 == 66 ? 250.0f + static_cast<float>(i / 16) : -250.0f;
  }
  for (const bench::Technique& technique : techniques_here()) {
    const auto o = attend(technique, s, t);
    for (std::size_t query = 66; query < 200; ++query) {
      const std::size_t strongest = (query + 1) / 67 * 67 - 1;
      for (std::size_t d = 0; d < 16; ++d) {
        EXPECT_EQ(o[query * 16 + d], t.v[strongest * 16 + d]) << technique.name << " " << query;
      }
    }
  }
}

TEST(FlashAttention, LowerPrecisionInputsFail) {
  const bench::Lab lab = describe();
  for (const bench::Params& size : {lab.cases[0].smoke, lab.cases[1].smoke, lab.ragged.back()}) {
    for (const int dropped_bits : {13, 16}) {  // tf32, bf16
      bench::Technique rounded = {
          .name = "rounded", .plan = [=](const bench::Params& params) {
            return bench::plan_of([=](const bench::Io& io) {
              Tensors t;
              const auto round = [&](std::span<const float> from, std::vector<float>& to) {
                for (const float value : from) {
                  const auto bits =
                      std::bit_cast<std::uint32_t>(value) + (1u << (dropped_bits - 1));
                  to.push_back(std::bit_cast<float>(bits >> dropped_bits << dropped_bits));
                }
              };
              round(io.in<float>(0), t.q);
              round(io.in<float>(1), t.k);
              round(io.in<float>(2), t.v);
              const auto o = attend(tiled_online(), shape_of(params), t);
              std::copy(o.begin(), o.end(), io.out<float>(0).begin());
            });
          }};
      EXPECT_NE(bench::run_and_check(lab, size, rounded, 5), "") << dropped_bits;
    }
  }
}

TEST(FlashAttention, TilesCoverEveryQueryOnceLongestFirst) {
  const Tiles tiles = {{3, 1, 100, 8}, 32};
  EXPECT_EQ(tiles.count(), 12);
  std::vector<float> memory(3 * 100 * 8);
  bench::Io::Buffer in[3] = {{memory.data(), memory.size() * 4, DType::kF32, nullptr},
                             {memory.data(), 100 * 8 * 4, DType::kF32, nullptr},
                             {memory.data(), 100 * 8 * 4, DType::kF32, nullptr}};
  bench::Io::Buffer out = in[0];
  const bench::Io io(in, {&out, 1});
  std::vector<int> seen(12);
  std::int64_t last = 1000;
  for (std::int64_t t = 0; t < tiles.count(); ++t) {
    const Tile tile = tiles.at(t, io);
    EXPECT_LE(tile.first_query, last);
    last = tile.first_query;
    ++seen[static_cast<std::size_t>((tile.o - memory.data()) / 800 * 4 + tile.first_query / 32)];
  }
  EXPECT_EQ(seen, std::vector<int>(12, 1));
}

TEST(FlashAttention, NeedsSayWhy) {
  const machine::Cpu bare;
  EXPECT_EQ(tiled_avx2().needs(bare), "needs AVX2");
  EXPECT_EQ(tiled_avx512().needs(bare), "needs AVX-512");
  EXPECT_EQ(tiled_simd_threads().needs(bare), "needs 2 cores");
  EXPECT_EQ(choose_kernel(bare).run, portable_kernel().run);
}

}  // namespace
}  // namespace aisp::labs::ch10::flash_attention
