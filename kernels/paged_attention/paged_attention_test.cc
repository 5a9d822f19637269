// Every variant and cache type against the formula in double over what the cache should hold, for
// head sizes, groups, windows and caps; and that a row's bits depend on nothing but its position
// and its cache.
#include "kernels/paged_attention/paged_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "kernels/paged_attention/variants.h"

namespace aisp::kernels::paged_attention {
namespace {

constexpr Type kTypes[] = {Type::kF32, Type::kF16, Type::kBF16, Type::kI8};

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Blocks of one layer filled with NaN, and block tables that go through them in disorder.
struct Blocks {
  std::vector<std::byte> memory;
  Cache cache;
  std::vector<std::int32_t> order;

  Blocks(Type type, std::int64_t kv_heads, std::int64_t size, std::int64_t blocks,
         std::uint64_t seed) {
    const std::int64_t bytes = block_bytes(type, kv_heads, size), stride = bytes + 128;
    memory.assign(at(blocks * stride + 64), std::byte{0xff});
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    cache = {type, kv_heads, size, memory.data() + (64 - address % 64) % 64, stride};
    order.resize(at(blocks));
    std::iota(order.begin(), order.end(), 0);
    Rng rng(seed);
    for (std::size_t i = order.size(); i-- > 1;) std::swap(order[i], order[rng.below(i + 1)]);
  }
};

/// A number as the cache holds it; `scale` for kI8.
double stored(Type type, float x, double scale) {
  if (type == Type::kF16) return static_cast<float>(f16(x));
  if (type == Type::kBF16) return static_cast<float>(bf16(x));
  return type == Type::kI8 ? std::nearbyint(x / scale) * scale : x;
}

struct Problem {
  std::int64_t tokens, heads, kv_heads, size;
  std::vector<float> q, k, v;          // of every token
  std::vector<double> kept_k, kept_v;  // as the cache holds them
  std::vector<double> scale_v;         // [token][kv head], kI8

  Problem(Type type, std::int64_t n, std::int64_t h, std::int64_t g, std::int64_t d,
          std::uint64_t seed)
      : tokens(n), heads(h), kv_heads(g), size(d) {
    q.resize(at(n * h * d));
    k.resize(at(n * g * d));
    v.resize(k.size());
    fill_normal(q, seed + 1);
    fill_normal(k, seed + 2);
    fill_normal(v, seed + 3);
    for (const bool value : {false, true}) {
      const std::vector<float>& from = value ? v : k;
      std::vector<double>& to = value ? kept_v : kept_k;
      for (std::size_t i = 0; i < from.size(); i += at(d)) {
        double most = 0.0;
        for (std::size_t j = 0; j < at(d); ++j) most = std::max(most, std::fabs(1.0 * from[i + j]));
        for (std::size_t j = 0; j < at(d); ++j) {
          to.push_back(stored(type, from[i + j], most / 127.0));
        }
        if (value) scale_v.push_back(most / 127.0);
      }
    }
  }
};

/// One row and head in double, with the contract's bound for each dimension and the deviation that
/// rounding q and weights to 8 bits causes.
struct Expected {
  std::vector<double> value, bound, deviation;
};

Expected expected(const Problem& p, Type type, const Options& options, std::int64_t row,
                  std::int64_t head) {
  const std::int64_t g = head / (p.heads / p.kv_heads), d = p.size;
  const std::int64_t low =
      options.window > 0 ? std::max<std::int64_t>(0, row - options.window + 1) : 0;
  const double scale = options.scale != 0.0f ? options.scale : 1.0 / std::sqrt(1.0 * d);
  const float* q = p.q.data() + (row * p.heads + head) * d;
  double q_most = 0.0, score_error = 0.0, most = -1e300, sum = 0.0;
  for (std::int64_t j = 0; j < d; ++j) q_most = std::max(q_most, std::fabs(1.0 * q[j]));
  std::vector<double> w, slope;
  for (std::int64_t t = low; t <= row; ++t) {
    const double* k = p.kept_k.data() + (t * p.kv_heads + g) * d;
    double dot = 0.0, terms = 0.0, k_sum = 0.0;
    for (std::int64_t j = 0; j < d; ++j) {
      dot += q[j] * k[j] * scale;
      terms += std::fabs(q[j] * k[j]) * scale;
      k_sum += std::fabs(k[j]) * scale;
    }
    double error = 0x1p-24 * (dot_bound(static_cast<double>(d), 1.0) + 3.0) * terms;
    if (type == Type::kI8) error += q_most / 254.0 * k_sum;
    slope.push_back(1.0);
    if (options.soft_cap > 0.0f) {
      dot = options.soft_cap * std::tanh(dot / options.soft_cap);
      slope.back() = 1.0 - dot * dot / options.soft_cap / options.soft_cap;
      error += 0x1p-24 * 6.0 * options.soft_cap;
    }
    score_error = std::max(score_error, error);
    most = std::max(most, dot);
    w.push_back(dot);
  }
  for (double& x : w) sum += x = std::exp(x - most);
  const auto n = static_cast<double>(w.size());
  const double relative =
      std::expm1(2.0 * score_error) + 0x1p-24 * (2.0 * dot_bound(n, 1.0) + 40.0);
  Expected e{std::vector<double>(at(d)), std::vector<double>(at(d)), std::vector<double>(at(d))};
  for (std::int64_t j = 0; j < d; ++j) {
    double scales = 0.0;
    for (std::int64_t t = low; t <= row; ++t) {
      const double x = p.kept_v[at((t * p.kv_heads + g) * d + j)];
      e.value[at(j)] += w[at(t - low)] / sum * x;
      scales += w[at(t - low)] / sum * std::fabs(x);
    }
    e.bound[at(j)] = relative * scales + 1e-30;
    if (type != Type::kI8) continue;
    double variance = 0.0;
    for (std::int64_t b = low / kBlockTokens; b <= row / kBlockTokens; ++b) {
      double largest = 0.0, v_sum = 0.0, v_squares = 0.0;
      for (std::int64_t t = std::max(low, b * kBlockTokens);
           t <= std::min(row, b * kBlockTokens + kBlockTokens - 1); ++t) {
        const double s = p.scale_v[at(t * p.kv_heads + g)];
        const double x = p.kept_v[at((t * p.kv_heads + g) * d + j)] / s;
        largest = std::max(largest, w[at(t - low)] / sum * s);
        v_sum += std::fabs(x);
        v_squares += x * x;
      }
      e.bound[at(j)] += largest / 510.0 * v_sum * (1.0 + relative);
      variance += largest * largest / (255.0 * 255.0 * 12.0) * v_squares;
    }
    for (std::int64_t i = 0; i < d; ++i) {  // to first order in the rounding of q[i]
      double change = 0.0;
      for (std::int64_t t = low; t <= row; ++t) {
        const std::size_t place = at((t * p.kv_heads + g) * d);
        change += w[at(t - low)] / sum * (p.kept_v[place + at(j)] - e.value[at(j)]) *
                  p.kept_k[place + at(i)] * scale * slope[at(t - low)];
      }
      variance += q_most * q_most / (127.0 * 127.0 * 12.0) * change * change;
    }
    e.deviation[at(j)] = std::sqrt(variance);
  }
  return e;
}

/// Appends and attends the tokens in pieces of `step`; out is tokens x heads x size.
std::vector<float> run(Workspace& workspace, machine::ThreadPool& pool, const Problem& p,
                       Blocks& blocks, const Options& options, std::int64_t step) {
  const std::int64_t width = p.heads * p.size, kv_width = p.kv_heads * p.size;
  std::vector<float> out(at(p.tokens * width), std::numeric_limits<float>::quiet_NaN());
  for (std::int64_t first = 0; first < p.tokens; first += step) {
    const Sequence sequence{
        .rows = std::min(step, p.tokens - first), .context = first, .blocks = blocks.order};
    append(blocks.cache, {&sequence, 1}, p.k.data() + first * kv_width,
           p.v.data() + first * kv_width, 0, pool);
    attend(workspace, blocks.cache, options, {&sequence, 1},
           {.q = p.q.data() + first * width, .out = out.data() + first * width});
  }
  return out;
}

template <class Body>
void for_each_variant(Body body) {
  for (const Variant& variant : variants()) {
    if (variant.can_run(machine::cpu())) body(variant);
  }
}

void expect_right(const Problem& p, Type type, const Options& options,
                  const std::vector<float>& out, const std::string& what) {
  double squares = 0.0, count = 0.0;
  for (std::int64_t row = 0; row < p.tokens; row += row < 3 ? 1 : 61) {
    for (std::int64_t head = 0; head < p.heads; head += 3) {
      const Expected e = expected(p, type, options, row, head);
      for (std::int64_t j = 0; j < p.size; ++j) {
        const double got = out[at((row * p.heads + head) * p.size + j)];
        const double error = std::fabs(got - e.value[at(j)]);
        ASSERT_LE(error, e.bound[at(j)]) << what << " row " << row << " head " << head << " [" << j
                                         << "]: got " << got << ", want " << e.value[at(j)];
        // One token alone has weight 1, which 8 bits hold.
        if (type != Type::kI8 || row < 60 || options.window == 1) continue;
        if (e.deviation[at(j)] == 0.0) continue;
        squares += error * error / (e.deviation[at(j)] * e.deviation[at(j)]);
        count += 1.0;
      }
    }
  }
  // The bound is lax for sums of many roundings; their deviation is what 8 bits show. 7 would show
  // twice that.
  if (count > 0.0) {
    EXPECT_GT(std::sqrt(squares / count), 0.8) << what;
    EXPECT_LT(std::sqrt(squares / count), 1.25) << what;
  }
}

TEST(PagedAttention, EveryVariantTypeHeadSizeAndGroup) {
  machine::ThreadPool pool(2);
  struct Heads {
    std::int64_t heads, kv_heads, size;
  };
  for (const Type type : kTypes) {
    for (const Heads& h :
         {Heads{8, 2, 64}, Heads{7, 1, 80}, Heads{3, 3, 96}, Heads{4, 1, 128}, Heads{2, 1, 256}}) {
      const Problem p(type, 300, h.heads, h.kv_heads, h.size, 5);
      const Options options{.heads = h.heads};
      for_each_variant([&](const Variant& variant) {
        Workspace workspace(pool, variant.name);
        Blocks blocks(type, h.kv_heads, h.size, 12, 9);
        const std::vector<float> out = run(workspace, pool, p, blocks, options, 300);
        expect_right(p, type, options, out,
                     std::string(variant.name) + " type " + std::to_string(static_cast<int>(type)) +
                         " size " + std::to_string(h.size));
      });
    }
  }
}

TEST(PagedAttention, WindowsCapsAndScales) {
  machine::ThreadPool pool(3);
  for (const Type type : {Type::kF32, Type::kI8}) {
    const Problem p(type, 600, 4, 2, 64, 6);
    for (const Options& options :
         {Options{.heads = 4, .window = 1}, Options{.heads = 4, .window = 100},
          Options{.heads = 4, .scale = 0.5f, .soft_cap = 5.0f},
          Options{.heads = 4, .soft_cap = 50.0f, .window = 300}}) {
      for_each_variant([&](const Variant& variant) {
        Workspace workspace(pool, variant.name);
        Blocks blocks(type, 2, 64, 20, 9);
        const std::vector<float> out = run(workspace, pool, p, blocks, options, 200);
        expect_right(p, type, options, out,
                     std::string(variant.name) + " window " + std::to_string(options.window));
      });
    }
  }
}

TEST(PagedAttention, SameBitsInPiecesAloneTogetherAndOnAnyThreads) {
  machine::ThreadPool one(1), three(3);
  for (const Type type : kTypes) {
    const Problem p(type, 530, 6, 2, 64, 7), other(type, 75, 6, 2, 64, 8);
    for (const std::int64_t window : {0, 270}) {
      const Options options{.heads = 6, .window = window};
      for_each_variant([&](const Variant& variant) {
        Workspace alone(one, variant.name), shared(three, variant.name);
        Blocks blocks(type, 2, 64, 40, 1);
        const std::vector<float> want = run(alone, one, p, blocks, options, p.tokens);
        for (const std::int64_t step : {1, 7, 256, 400}) {
          if (step == 1 && variant.name == "portable") continue;  // slow
          Blocks elsewhere(type, 2, 64, 40, 2);
          const auto& workspace = step % 2 == 0 ? alone : shared;
          auto& pool = step % 2 == 0 ? one : three;
          const std::vector<float> got =
              run(const_cast<Workspace&>(workspace), pool, p, elsewhere, options, step);
          EXPECT_EQ(std::memcmp(got.data(), want.data(), want.size() * 4), 0)
              << variant.name << " type " << static_cast<int>(type) << " step " << step;
        }
        // The last token of p, a piece of another sequence, and one that has no rows now.
        Blocks both(type, 2, 64, 40, 3);
        const std::vector<float> other_want = run(alone, one, other, both, options, 75);
        const std::vector<std::int32_t> mine(both.order.begin() + 20, both.order.end());
        const Sequence all{.rows = p.tokens, .blocks = mine};
        append(both.cache, {&all, 1}, p.k.data(), p.v.data(), 0, three);
        const Sequence sequences[] = {
            {.first_row = 0, .rows = 30, .context = 45, .blocks = both.order},
            {.first_row = 30, .rows = 0, .context = 0, .blocks = {}},
            {.first_row = 30, .rows = 1, .context = p.tokens - 1, .blocks = mine}};
        const std::int64_t width = 6 * 64;
        std::vector<float> q(other.q.begin() + 45 * width, other.q.end()), out(at(31 * width));
        q.insert(q.end(), p.q.end() - width, p.q.end());
        attend(shared, both.cache, options, sequences, {.q = q.data(), .out = out.data()});
        EXPECT_EQ(std::memcmp(out.data(), other_want.data() + 45 * width, at(30 * width) * 4), 0);
        EXPECT_EQ(std::memcmp(out.data() + 30 * width, want.data() + (p.tokens - 1) * width,
                              at(width) * 4),
                  0)
            << variant.name << " type " << static_cast<int>(type);
      });
    }
  }
}

TEST(PagedAttention, StridesAreKept) {
  machine::ThreadPool pool(1);
  const Problem p(Type::kF32, 40, 2, 1, 16, 3);
  Workspace workspace(pool);
  Blocks blocks(Type::kF32, 1, 16, 4, 1), spread(Type::kF32, 1, 16, 4, 2);
  const Options options{.heads = 2};
  const std::vector<float> want = run(workspace, pool, p, blocks, options, 40);
  std::vector<float> q(40 * 50, 9.0f), k(40 * 20, 9.0f), v(40 * 20, 9.0f), out(40 * 37, 9.0f);
  for (std::int64_t i = 0; i < 40; ++i) {
    std::copy_n(p.q.data() + i * 32, 32, q.data() + i * 50);
    std::copy_n(p.k.data() + i * 16, 16, k.data() + i * 20);
    std::copy_n(p.v.data() + i * 16, 16, v.data() + i * 20);
  }
  const Sequence sequence{.rows = 40, .blocks = spread.order};
  append(spread.cache, {&sequence, 1}, k.data(), v.data(), 20, pool);
  attend(workspace, spread.cache, options, {&sequence, 1},
         {.q = q.data(), .q_stride = 50, .out = out.data(), .out_stride = 37});
  for (std::int64_t i = 0; i < 40 * 37; ++i) {
    EXPECT_EQ(out[at(i)], i % 37 < 32 ? want[at(i / 37 * 32 + i % 37)] : 9.0f);
  }
}

TEST(PagedAttention, LargeScoresDoNotOverflow) {
  machine::ThreadPool pool(1);
  for (const Type type : kTypes) {
    Problem p(type, 3, 1, 1, 16, 4);
    std::fill(p.q.begin(), p.q.end(), 100.0f);
    for (std::int64_t i = 0; i < 48; ++i) p.k[at(i)] = i / 16 == 1 ? 30.0f : -30.0f;
    for (std::int64_t i = 0; i < 48; ++i) p.v[at(i)] = static_cast<float>(1 + i / 16);
    for_each_variant([&](const Variant& variant) {
      Workspace workspace(pool, variant.name);
      Blocks blocks(type, 1, 16, 1, 1);
      const std::vector<float> out = run(workspace, pool, p, blocks, {.heads = 1}, 3);
      EXPECT_NEAR(out[40], 2.0f, 1e-6f) << variant.name;  // 48,000 apart: the second alone
    });
  }
}

TEST(PagedAttention, VariantsSayWhyNot) {
  machine::ThreadPool pool(1);
  EXPECT_THROW(Workspace(pool, "abacus"), Error);
  const machine::Cpu plain;
  EXPECT_EQ(find_variant("", plain).name, "portable");
  EXPECT_THROW(find_variant("avx512_vnni", plain), Error);
}

}  // namespace
}  // namespace aisp::kernels::paged_attention
