// Every variant against the formula in double, for head sizes around the vectors, groups, and runs
// of every shape; blocks are taken, filled and given back.
#include "kernels/decode_attention/decode_attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/numeric.h"
#include "base/rng.h"
#include "kernels/decode_attention/paged_kv.h"
#include "kernels/decode_attention/variants.h"

namespace aisp::kernels::decode_attention {
namespace {

using TokenRun = Run;  // a test has a member Run

/// The largest error in units of u (sum p |v| (1 + score error)); the formula in double.
double worst_error(const Shape& s, std::span<const Run> runs, const std::vector<float>& q,
                   const std::vector<float>& got) {
  double worst = 0.0;
  const std::int64_t size = s.head_size;
  for (std::int64_t h = 0; h < s.heads; ++h) {
    const std::int64_t g = h / (s.heads / s.kv_heads);
    std::vector<double> p;
    std::vector<const float*> v;
    double most = -1e300, sum = 0.0, terms = 0.0;
    for (const Run& run : runs) {
      for (std::int64_t j = 0; j < run.tokens; ++j) {
        double dot = 0.0, magnitude = 0.0;
        for (std::int64_t d = 0; d < size; ++d) {
          const double term = static_cast<double>(q[static_cast<std::size_t>(h * size + d)]) *
                              run.k[(j * s.kv_heads + g) * size + d];
          dot += term;
          magnitude += std::fabs(term);
        }
        p.push_back(dot / std::sqrt(static_cast<double>(size)));
        terms = std::max(terms, magnitude);
        most = std::max(most, p.back());
        v.push_back(run.v + (j * s.kv_heads + g) * size);
      }
    }
    for (double& x : p) sum += x = std::exp(x - most);
    for (std::int64_t d = 0; d < size; ++d) {
      double value = 0.0, scale = 0.0;
      for (std::size_t j = 0; j < p.size(); ++j) {
        value += p[j] / sum * v[j][d];
        scale += p[j] / sum * std::fabs(v[j][d]);
      }
      const double bound = 0x1p-24 * scale *
                           (2.0 * dot_bound(static_cast<double>(size), 1.0) * terms +
                            2.0 * dot_bound(static_cast<double>(p.size()), 1.0) + 16.0);
      const double error = std::fabs(got[static_cast<std::size_t>(h * size + d)] - value);
      worst = std::max(worst, error / bound);
    }
  }
  return worst;
}

TEST(DecodeAttention, EveryVariantHeadSizeAndSplit) {
  for (const Variant& variant : variants(machine::cpu())) {
    for (const std::int64_t size : {1, 5, 16, 17, 40, 64, 80, 128}) {
      for (const Shape& shape : {Shape{4, 4, size}, Shape{6, 2, size}, Shape{7, 1, size}}) {
        for (const std::vector<std::int64_t>& lengths :
             {std::vector<std::int64_t>{1}, {3}, {16, 16, 5}, {37}, {1, 2, 3, 4, 5}}) {
          std::int64_t tokens = 0;
          for (const std::int64_t length : lengths) tokens += length;
          const auto width = static_cast<std::size_t>(shape.kv_heads * size);
          std::vector<float> q(static_cast<std::size_t>(shape.heads * size)), out(q.size() + 1);
          std::vector<float> k(width * static_cast<std::size_t>(tokens)), v(k.size());
          fill_normal(q, 1);
          fill_normal(k, 2);
          fill_normal(v, 3);
          std::vector<TokenRun> runs;
          std::size_t at = 0;
          for (const std::int64_t length : lengths) {
            runs.push_back({k.data() + at, v.data() + at, length});
            at += width * static_cast<std::size_t>(length);
          }
          std::vector<float> scratch(scratch_floats(shape, tokens));
          out.back() = 7.0f;
          variant.attend(shape, runs, q.data(), scratch.data(), out.data());
          EXPECT_EQ(out.back(), 7.0f);
          EXPECT_LT(worst_error(shape, runs, q, out), 1.0)
              << variant.name << " size " << size << " tokens " << tokens;
        }
      }
    }
  }
}

TEST(DecodeAttention, LargeScoresDoNotOverflow) {
  for (const Variant& variant : variants(machine::cpu())) {
    const Shape shape{1, 1, 1};
    const float q = 100.0f;
    const std::vector<float> k = {-30.0f, 30.0f, 29.0f}, v = {1.0f, 2.0f, 3.0f};
    const TokenRun run{k.data(), v.data(), 3};
    std::vector<float> scratch(3);
    float out = 0.0f;
    variant.attend(shape, {&run, 1}, &q, scratch.data(), &out);
    EXPECT_EQ(out, 2.0f) << variant.name;
  }
}

TEST(PagedKv, BlocksHoldWhatWasAppendedAndComeBack) {
  BlockPool pool(6, 3);
  std::vector<float> rows(40 * 3);
  fill_uniform(rows, 1);
  {
    PagedSequence first(pool), second(pool);
    for (std::int64_t t = 0; t < 20; ++t) {
      first.append(rows.data() + 3 * t, rows.data() + 60 + 3 * t, 1);
      second.append(rows.data() + 60 + 3 * t, rows.data() + 3 * t, 1);
    }
    EXPECT_EQ(pool.free_blocks(), 2);
    EXPECT_EQ(first.runs().size(), 2u);
    EXPECT_EQ(first.runs()[1].tokens, 4);
    EXPECT_EQ(first.runs()[1].k[3 * 3], rows[3 * 19]);
    EXPECT_EQ(second.runs()[0].v[0], rows[0]);
    second.clear();
    second.append(rows.data(), rows.data(), 40);
    EXPECT_EQ(second.runs().size(), 3u);
    EXPECT_EQ(second.runs()[2].k[0], rows[32 * 3]);
  }
  EXPECT_EQ(pool.free_blocks(), 6);
}

}  // namespace
}  // namespace aisp::kernels::decode_attention
