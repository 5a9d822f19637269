// Every variant against the reference: causal or not, grouped heads, prefill and decode, ragged and
// misaligned arrays in guarded memory, caches longer than their keys, special values, threads.
#include "kernels/attention/attention.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "kernels/attention/variants.h"

namespace aisp::kernels::attention {
namespace {

constexpr float kPoison = 12345.0f;
constexpr float kInf = std::numeric_limits<float>::infinity();

/// q, k, v and o in larger buffers: an offset from alignment, NaN beyond the keys of a cache.
struct Case {
  explicit Case(const Shape& shape, std::int64_t offset = 0) : shape(shape), offset(offset) {
    const std::int64_t capacity = shape.capacity != 0 ? shape.capacity : shape.keys;
    const auto size = [&](std::int64_t n) { return static_cast<std::size_t>(n + offset); };
    q.resize(size(shape.heads * shape.queries * shape.D));
    k.resize(size(shape.kv_heads * capacity * shape.D));
    v.resize(k.size());
    o.assign(q.size() + 32, kPoison);
    fill_normal(q, 1);
    fill_normal(k, 2);
    fill_normal(v, 3);
    for (std::int64_t h = 0; h < shape.kv_heads; ++h) {
      for (std::int64_t i = shape.keys * shape.D; i < capacity * shape.D; ++i) {
        k[size(h * capacity * shape.D + i)] = std::nanf("");
        v[size(h * capacity * shape.D + i)] = std::nanf("");
      }
    }
  }
  float& key(std::int64_t row, std::int64_t d) {
    return k[static_cast<std::size_t>(offset + row * shape.D + d)];
  }
  float out(std::int64_t row, std::int64_t d) const {
    return o[static_cast<std::size_t>(offset + row * shape.D + d)];
  }
  /// Runs and says what is wrong, "" when nothing is.
  std::string wrong(std::string_view variant, int threads = 1, float scale = 0.0f) {
    AttentionPlan plan(shape, {.threads = threads, .scale = scale, .variant = variant});
    plan.run(q.data() + offset, k.data() + offset, v.data() + offset, o.data() + offset);
    const auto count = static_cast<std::size_t>(shape.heads * shape.queries * shape.D);
    std::vector<double> value(count), bound(count);
    reference(shape, {q.data() + offset, k.data() + offset, v.data() + offset}, scale, value,
              bound);
    for (std::size_t i = 0; i < o.size(); ++i) {
      const bool inside =
          i >= static_cast<std::size_t>(offset) && i < static_cast<std::size_t>(offset) + count;
      if (!inside && o[i] != kPoison) return fmt::format("wrote outside of o at {}", i);
    }
    // Inputs rounded to tf32 would show an rms of 0.7 and more, to bf16 5.
    const Tolerance tolerance{0x1p-24, 0x1p-125,
                              0.02 + 0.2 / std::sqrt(static_cast<double>(count + 1))};
    const Comparison result =
        compare(o.data() + offset, DType::kF32, count, {value, bound}, tolerance);
    return result.ok() ? "" : describe(result);
  }

  Shape shape;
  std::int64_t offset;
  std::vector<float> q, k, v, o;
};

/// Runs `use` for every variant that can run here; at least one must.
void for_each_variant(const auto& use) {
  int ran = 0;
  for (const Variant& variant : variants()) {
    if (!variant.can_run(machine::cpu())) continue;
    SCOPED_TRACE(std::string(variant.name));
    use(variant.name);
    ++ran;
  }
  EXPECT_GE(ran, 1);
}

std::string text(const Shape& s) {
  return fmt::format("heads {}/{} queries {} keys {} D {} causal {}", s.heads, s.kv_heads,
                     s.queries, s.keys, s.D, s.causal);
}

TEST(Attention, RaggedPrefill) {
  for_each_variant([](std::string_view variant) {
    for (const bool causal : {false, true}) {
      for (const std::int64_t D : {1, 5, 17, 64, 128}) {
        for (const std::int64_t queries : {2, 3, 31, 33, 70}) {
          for (const std::int64_t more : {0, 1, 67}) {
            Case one({4, 2, queries, queries + more, D, causal}, queries % 7);
            ASSERT_EQ(one.wrong(variant), "") << text(one.shape);
          }
        }
      }
    }
    Case fewer_keys({2, 1, 50, 7, 32, false});
    EXPECT_EQ(fewer_keys.wrong(variant), "");
  });
}

TEST(Attention, RaggedDecode) {
  for_each_variant([](std::string_view variant) {
    for (const std::int64_t share : {1, 2, 3, 4, 5, 8}) {
      for (const std::int64_t D : {1, 7, 63, 64, 80, 129}) {
        for (const std::int64_t keys : {1, 3, 4, 63, 64, 65, 200}) {
          Case one({2 * share, 2, 1, keys, D, share % 2 == 0}, keys % 5);
          ASSERT_EQ(one.wrong(variant), "") << text(one.shape);
        }
      }
    }
  });
}

TEST(Attention, CachesAreReadUpToTheirKeys) {
  for_each_variant([](std::string_view variant) {
    for (const std::int64_t queries : {1, 40}) {
      Case one(
          {.heads = 6, .kv_heads = 3, .queries = queries, .keys = 90, .D = 24, .capacity = 128});
      EXPECT_EQ(one.wrong(variant), "") << queries;
    }
    // A plan for the capacity, called while the cache grows.
    Case grown({.heads = 2, .kv_heads = 1, .queries = 1, .keys = 50, .D = 40, .capacity = 60});
    Shape planned = grown.shape;
    planned.keys = 1;
    AttentionPlan plan(planned, {.variant = variant});
    EXPECT_EQ(grown.wrong(variant), "");
    const std::vector<float> want = grown.o;
    plan.run(grown.q.data(), grown.k.data(), grown.v.data(), grown.o.data(), 50);
    EXPECT_EQ(grown.o, want);
  });
}

TEST(Attention, TheScaleCanBeChosen) {
  for_each_variant([](std::string_view variant) {
    Case prefill({2, 1, 40, 40, 32});
    EXPECT_EQ(prefill.wrong(variant, 1, 0.5f), "");
    Case decode({2, 1, 1, 40, 32});
    EXPECT_EQ(decode.wrong(variant, 1, 0.5f), "");
  });
}

TEST(Attention, AnyNumberOfThreadsTheSameBits) {
  for_each_variant([](std::string_view variant) {
    for (const std::int64_t queries : {1, 150}) {
      const Shape shape{6, 3, queries, 170, 48};
      Case alone(shape), shared(shape);
      EXPECT_EQ(alone.wrong(variant, 1), "");
      EXPECT_EQ(shared.wrong(variant, 3), "");
      EXPECT_EQ(alone.o, shared.o);
    }
  });
  machine::ThreadPool pool(2);
  AttentionPlan plan({4, 4, 8, 8, 8}, {.pool = &pool});
  EXPECT_EQ(plan.threads(), 2);
}

/// Scores of +-10,000, most of them raising the maximum of later blocks.
TEST(Attention, HugeScoresStayFinite) {
  for_each_variant([](std::string_view variant) {
    for (const std::int64_t queries : {1, 200}) {
      Case one({1, 1, queries, 200, 16});
      for (float& x : one.q) x = 10.0f;
      for (std::int64_t row = 0; row < 200; ++row) {
        for (std::int64_t d = 0; d < 16; ++d) {
          one.key(row, d) = row % 67 == 66 ? 250.0f + static_cast<float>(row) : -250.0f;
        }
      }
      EXPECT_EQ(one.wrong(variant), "");
    }
  });
}

/// Keys whose scores are -inf count as masked, even where they fill the first blocks.
TEST(Attention, MinusInfinityIsAMask) {
  for_each_variant([](std::string_view variant) {
    for (const std::int64_t queries : {1, 40}) {
      for (const auto& [begin, end] : {std::pair{0, 130}, {64, 128}, {1, 150}}) {
        Case one({1, 1, queries, 150, 16, false});
        for (float& x : one.q) x = std::fabs(x) + 0.1f;
        for (std::int64_t row = begin; row < end; ++row) one.key(row, 3) = -kInf;
        EXPECT_EQ(one.wrong(variant), "") << begin << " " << end;
      }
    }
  });
}

TEST(Attention, NanAndInfinityReachTheQueriesThatSeeThem) {
  for_each_variant([](std::string_view variant) {
    for (const float bad : {std::nanf(""), kInf}) {
      Case one({1, 1, 100, 100, 16});
      for (float& x : one.q) x = std::fabs(x) + 0.1f;
      one.key(70, 2) = bad;
      (void)one.wrong(variant);
      for (std::int64_t i = 0; i < 100; ++i) {
        EXPECT_EQ(std::isnan(one.out(i, 5)), i >= 70) << i;
      }
      Case decode({3, 1, 1, 100, 16});
      for (float& x : decode.q) x = std::fabs(x) + 0.1f;
      decode.q[16 + 4] = bad;  // of the second head alone
      (void)decode.wrong(variant);
      EXPECT_FALSE(std::isnan(decode.out(0, 0)));
      EXPECT_TRUE(std::isnan(decode.out(1, 0)));
      EXPECT_FALSE(std::isnan(decode.out(2, 0)));
    }
  });
}

TEST(Attention, DenormalsAndZeros) {
  for_each_variant([](std::string_view variant) {
    for (const std::int64_t queries : {1, 40}) {
      Case one({2, 2, queries, 60, 20});
      for (float& x : one.q) x *= 1e-41f;
      for (float& x : one.v) x = x > 0.0f ? 0.0f : x;
      EXPECT_EQ(one.wrong(variant), "");
    }
  });
}

TEST(Attention, NothingToDoAndImpossibleVariants) {
  AttentionPlan(Shape{.queries = 0, .keys = 0, .D = 8}).run(nullptr, nullptr, nullptr, nullptr);
  EXPECT_THROW(AttentionPlan({1, 1, 1, 1, 1}, {.variant = "avx1024"}), Error);
  const machine::Cpu bare;
  EXPECT_THROW(find_variant("avx2", bare), Error);
  EXPECT_EQ(find_variant("", bare).name, "portable");
  EXPECT_EQ(variants()[0].why_not(bare), "needs AVX-512");
}

}  // namespace
}  // namespace aisp::kernels::attention
