// The passes over whole tensors and the paged kernel against the reference; the reference against
// cases that can be worked out by hand, and its variance of 8 bits against what the kernel shows.
#include "kernels/eager_attention/eager_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/numeric.h"
#include "base/rng.h"
#include "kernels/eager_attention/ranges.h"
#include "kernels/eager_attention/reference.h"
#include "kernels/eager_attention/scatter.h"

namespace aisp::kernels::eager_attention {
namespace {

namespace paged = paged_attention;

constexpr float kHidden = -std::numeric_limits<float>::infinity();

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::vector<float> normals(std::int64_t count, std::uint64_t seed) {
  std::vector<float> x(at(count));
  fill_normal(x, seed);
  return x;
}

TEST(EagerAttention, AgreesWithTheReferenceWhateverIsHidden) {
  for (const Heads heads : {Heads{4, 2, 16}, Heads{3, 3, 5}, Heads{6, 1, 33}}) {
    for (const std::int64_t rows : {1, 2, 19}) {
      const std::int64_t tokens = 45;
      const auto q = normals(rows * heads.width(), 1), k = normals(tokens * heads.kv_width(), 2);
      const auto v = normals(tokens * heads.kv_width(), 3);
      std::vector<float> mask(at(rows * tokens), kHidden), out(q.size());
      std::vector<double> value(at(heads.width())), bound(value.size());
      std::vector<std::vector<std::int32_t>> seen(at(rows));
      Rng rng(4);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t t = 0; t < tokens; ++t) {
          if (rng.below(3) != 0 && t != r) continue;
          mask[at(r * tokens + t)] = 0.0f;
          seen[at(r)].push_back(static_cast<std::int32_t>(t));
        }
      }
      EagerAttention eager(heads, rows, tokens);
      eager.run(
          {.q = q.data(), .k = k.data(), .v = v.data(), .mask = mask.data(), .out = out.data()});
      for (std::int64_t r = 0; r < rows; ++r) {
        reference_row(heads, {k.data(), v.data()}, seen[at(r)], Bytes::kNone,
                      q.data() + r * heads.width(), value.data(), bound.data());
        for (std::int64_t i = 0; i < heads.width(); ++i) {
          EXPECT_NEAR(out[at(r * heads.width() + i)], value[at(i)], bound[at(i)]) << r << " " << i;
        }
      }
    }
  }
}

TEST(EagerAttention, WithoutAMaskEverythingIsSeen) {
  const Heads heads{2, 1, 8};
  const auto q = normals(2 * heads.width(), 1), k = normals(7 * 8, 2), v = normals(7 * 8, 3);
  std::vector<float> out(q.size()), masked(q.size());
  const std::vector<float> mask(14, 0.0f);
  EagerAttention eager(heads, 2, 7);
  eager.run({.q = q.data(), .k = k.data(), .v = v.data(), .out = out.data()});
  eager.run(
      {.q = q.data(), .k = k.data(), .v = v.data(), .mask = mask.data(), .out = masked.data()});
  EXPECT_EQ(out, masked);
}

TEST(EagerAttention, BlocksOfRowsAgreeWithTheMatrix) {
  const Heads heads{4, 2, 16};
  const std::int64_t rows = 37, tokens = 50;
  const auto q = normals(rows * heads.width(), 1), k = normals(tokens * heads.kv_width(), 2);
  const auto v = normals(tokens * heads.kv_width(), 3);
  std::vector<Range> ranges;
  for (std::int64_t r = 0; r < rows; ++r)
    ranges.push_back({std::max<std::int64_t>(0, r - 4), r + 9});
  EXPECT_EQ(visible_pairs(ranges), 9 * 37 + 4 * 33 + 3 + 2 + 1);
  std::vector<double> value(q.size()), bound(q.size());
  reference_ranges(heads, ranges, q.data(), k.data(), v.data(), value, bound);
  for (const std::int64_t together : {0, 1, 8, 64}) {
    std::vector<float> out(q.size());
    RangedAttention attention(heads, ranges, tokens, together);
    attention.run(q.data(), k.data(), v.data(), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], value[i], bound[i]) << i;
  }
}

TEST(EagerAttention, ReferenceOfEqualScoresIsTheMean) {
  const Heads heads{1, 1, 2};
  const float q[] = {0.0f, 0.0f}, k[] = {1, 2, 3, 4, 5, 6}, v[] = {1, -1, 9, 9, 3, 5};
  const std::int32_t seen[] = {0, 2};
  double value[2], bound[2], wider[2];
  reference_row(heads, {k, v}, seen, Bytes::kNone, q, value, bound);
  EXPECT_DOUBLE_EQ(value[0], 2.0);
  EXPECT_DOUBLE_EQ(value[1], 2.0);
  EXPECT_GT(bound[0], 0.0);
  EXPECT_LT(bound[0], 1e-4);
  // Two weights of 1/2 among 255 steps, V in steps of 1/127 and 5/127 weighed by a half.
  reference_row(heads, {k, v}, seen, Bytes::kInsideAndCached, q, value, wider);
  const double cached = (1.0 + 25.0) / (127.0 * 127.0 * 12.0) / 4.0;
  EXPECT_GT(wider[0], bound[0] + 6.0 * std::sqrt(cached) * 0.99);
  EXPECT_LT(wider[0], bound[0] + 6.0 * std::sqrt(cached) * 4.0);
}

/// Root mean square of (out - value) / bound over `rows` decoding rows of one cache.
double rms_of(Bytes bytes, paged::Type type, std::uint64_t seed) {
  const Heads heads{8, 2, 64};
  const Scattered shape{.sequences = 4, .longest = 200};
  const std::int64_t width = heads.kv_width();
  const auto q = normals(4 * heads.width(), seed);
  const auto k = normals(800 * width, seed + 1), v = normals(800 * width, seed + 2);
  std::vector<std::int32_t> tables(at(shape.blocks())), contexts = {200, 130, 64, 31};
  std::vector<float> memory(at(shape.blocks() * paged::block_bytes(type, 2, 64) / 4 + 16));
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  const paged::Cache cache =
      cache_over(type, 2, 64, reinterpret_cast<std::byte*>(memory.data()) + (64 - address % 64));
  deal_blocks(shape, seed, tables);
  std::vector<paged::Sequence> rows;
  whole_sequences(shape, tables, contexts, rows);
  fill_blocks(cache, shape.blocks(), rows, k.data(), v.data());
  decoding_rows(shape, tables, contexts, rows);
  machine::ThreadPool pool(1);
  paged::Workspace workspace(pool);
  std::vector<float> out(q.size());
  paged::attend(workspace, cache, {.heads = 8}, rows, {.q = q.data(), .out = out.data()});
  std::vector<double> value(at(heads.width())), bound(value.size());
  double squares = 0.0;
  for (std::int64_t s = 0; s < 4; ++s) {
    const std::int64_t first = s * 200 * width;
    reference_row(heads, {k.data() + first, v.data() + first}, tokens_between(0, contexts[at(s)]),
                  bytes, q.data() + s * heads.width(), value.data(), bound.data());
    for (std::int64_t i = 0; i < heads.width(); ++i) {
      const double off = (out[at(s * heads.width() + i)] - value[at(i)]) / bound[at(i)];
      EXPECT_LE(std::fabs(off), 1.0) << s << " " << i;
      squares += off * off;
    }
  }
  return std::sqrt(squares / (4.0 * static_cast<double>(heads.width())));
}

TEST(EagerAttention, ThePagedKernelIsWithinTheBound) {
  EXPECT_LT(rms_of(Bytes::kNone, paged::Type::kF32, 5), 0.02);
}

/// Six deviations are the bound, so a right variance shows 1/6. All errors but the weights' are
/// exactly of that size; small weights are off by less than is taken.
TEST(EagerAttention, TheVarianceOfEightBitsIsThatOfTheKernel) {
  for (const std::uint64_t seed : {6, 7, 8}) {
    const double rms = rms_of(Bytes::kInsideAndCached, paged::Type::kI8, seed);
    EXPECT_LT(rms, 1.15 / 6.0);
    EXPECT_GT(rms, 0.8 / 6.0);
  }
}

TEST(EagerAttention, BlocksOfAllSequencesAreDealtOnce) {
  const Scattered shape{.sequences = 3, .longest = 65};
  std::vector<std::int32_t> tables(at(shape.blocks()));
  EXPECT_EQ(shape.table(), 3);
  deal_blocks(shape, 1, tables);
  std::vector<int> dealt(tables.size());
  for (const std::int32_t id : tables) ++dealt[at(id)];
  EXPECT_EQ(dealt, std::vector<int>(9, 1));
}

}  // namespace
}  // namespace aisp::kernels::eager_attention
