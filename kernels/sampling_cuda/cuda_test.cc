// Sampling on the device: every filter's threshold against sorted logits in double, the draws'
// frequencies by chi-square, greedy choices, special values, and that a draw is its seed's alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/rng.h"
#include "kernels/sampling_cuda/cuda.h"
#include "kernels/sampling_cuda/cuda_shape.h"
#include "kernels/sampling_cuda/philox.h"

namespace aisp::kernels::sampling_cuda {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

struct Filters {
  float temperature = 1.0F;
  std::int32_t top_k = 0;
  float top_p = 1.0F, min_p = 0.0F;
};

struct Drawn {
  std::vector<std::int32_t> tokens;
  std::vector<float> least;
};

// `rows` draws with seeds first_seed, first_seed + 1, ...; one row of logits for all, or one each.
Drawn draw(const Variant& variant, const std::vector<float>& logits, int vocabulary, int rows,
           const Filters& filters, std::uint64_t first_seed = 1, bool narrow = false,
           std::uint64_t step = 0) {
  const auto n = static_cast<std::size_t>(rows);
  std::vector<bf16> halves;
  for (const float x : logits) halves.push_back(bf16(x));
  const machine::DeviceArray d_logits = narrow
                                            ? machine::DeviceArray(std::span<const bf16>(halves))
                                            : machine::DeviceArray(std::span<const float>(logits));
  std::vector<std::uint64_t> seeds(n), steps(n, step);
  for (std::size_t i = 0; i < n; ++i) seeds[i] = first_seed + i;
  const std::vector<float> t(n, filters.temperature), p(n, filters.top_p), m(n, filters.min_p);
  const std::vector<std::int32_t> k(n, filters.top_k);
  const machine::DeviceArray d_t{std::span<const float>(t)}, d_p{std::span<const float>(p)},
      d_m{std::span<const float>(m)}, d_k{std::span<const std::int32_t>(k)},
      d_seeds{std::span<const std::uint64_t>(seeds)},
      d_steps{std::span<const std::uint64_t>(steps)}, d_tokens(4 * n), d_least(4 * n);
  Request request;
  request.logits = d_logits.as<>();
  request.type = narrow ? DType::kBF16 : DType::kF32;
  request.row_stride = logits.size() == static_cast<std::size_t>(vocabulary) ? 0 : vocabulary;
  request.batch = rows;
  request.vocabulary = vocabulary;
  request.temperature = d_t.as<float>();
  request.top_k = d_k.as<std::int32_t>();
  request.top_p = d_p.as<float>();
  request.min_p = d_m.as<float>();
  request.seeds = d_seeds.as<std::uint64_t>();
  request.steps = d_steps.as<std::uint64_t>();
  request.tokens = d_tokens.as<std::int32_t>();
  request.least_logits = d_least.as<float>();
  variant.run(request);
  machine::device_wait();
  return {d_tokens.host<std::int32_t>(), d_least.host<float>()};
}

// "" when `least` is the threshold that the filters ask for. A mass may be off by 2^-18 of itself:
// a weight at distance r from the largest is off relatively by 2^-22 + r 2^-23, r < 30 where
// weights matter, and its sums by less.
std::string wrong_threshold(std::vector<float> logits, const Filters& filters, float least) {
  std::erase_if(logits, [](float x) { return !(x > -kInf); });
  std::sort(logits.begin(), logits.end(), std::greater<>());
  const auto temperature = static_cast<double>(filters.temperature);
  const auto weight = [&](float x) { return std::exp((double(x) - logits[0]) / temperature); };
  const auto end_of = [&](float x) {  // how many are at or above x
    return static_cast<std::size_t>(
        std::upper_bound(logits.begin(), logits.end(), x, std::greater<>()) - logits.begin());
  };
  std::size_t kept = logits.size();
  if (filters.top_k > 0 && static_cast<std::size_t>(filters.top_k) < kept) {
    kept = end_of(logits[static_cast<std::size_t>(filters.top_k) - 1]);
  }
  const auto mass_of = [&](std::size_t n) {
    double mass = 0.0;
    for (std::size_t i = 0; i < n; ++i) mass += weight(logits[i]);
    return mass;
  };
  const double target = mass_of(kept) * double(filters.top_p), slack = 0x1p-18;
  const double cut =
      filters.min_p > 0.0F ? logits[0] + temperature * std::log(double(filters.min_p)) : -INFINITY;
  const std::size_t n = end_of(least);
  const std::string where = " least " + std::to_string(least) + ", kept " + std::to_string(n) +
                            " of at most " + std::to_string(kept);
  if (n > kept) return "keeps more than top-k" + where;
  const double near = 1e-5 * (1.0 + std::fabs(cut));
  if (double(least) < cut - near) return "keeps what min-p drops" + where;
  if (filters.min_p > 0.0F && std::fabs(double(least) - cut) <= near) return "";
  if (filters.top_p >= 1.0F) return n == kept ? "" : "top-k drops too much" + where;
  const std::size_t fewer = static_cast<std::size_t>(
      std::lower_bound(logits.begin(), logits.end(), least, std::greater<>()) - logits.begin());
  if (mass_of(n) < target * (1.0 - slack)) return "top-p drops too much" + where;
  if (fewer > 0 && mass_of(fewer) >= target * (1.0 + slack)) return "top-p keeps too much" + where;
  return "";
}

std::vector<float> logits_of(const std::string& kind, int n, std::uint64_t seed) {
  std::vector<float> x(static_cast<std::size_t>(n));
  fill_normal(x, seed, kind == "wide" ? 1000.0F : kind == "model" ? 2.5F : 1.0F);
  if (kind == "flat") std::fill(x.begin(), x.end(), 3.0F);
  if (kind == "steps") {
    for (float& v : x) v = std::round(v * 2.0F);
  }
  if (kind == "model") {
    for (std::size_t i = 0; i < 20; ++i) x[i * 37 % x.size()] += 8.0F;
  }
  if (kind == "masked") {
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (i % 7 != 3) x[i] = -kInf;
    }
  }
  if (kind == "tiny") {
    for (float& v : x) v *= 1e-38F;
  }
  return x;
}

#define AISP_NEEDS_DEVICE() \
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not

template <class Check>
void for_each_variant(Check check) {
  for (const Variant& variant : variants()) {
    if (variant.why_not(machine::cuda_device()).empty()) check(variant);
  }
}

TEST(SamplingCuda, ThresholdsAreThoseOfTheSortedLogits) {
  AISP_NEEDS_DEVICE();
  for_each_variant([](const Variant& variant) {
    for (const int n : {1, 5, 100, 4096, 32001, 128256}) {
      for (const char* kind : {"normal", "model", "wide", "flat", "steps", "masked", "tiny"}) {
        const std::vector<float> x = logits_of(kind, n, static_cast<std::uint64_t>(n));
        for (const Filters& f : {Filters{1.0F, 1},
                                 {1.0F, 50},
                                 {0.7F, 1000},
                                 {1.0F, 0, 0.9F},
                                 {1.3F, 0, 0.001F},
                                 {1.0F, 0, 0.9999F},
                                 {1.0F, 0, 0.0F},
                                 {0.8F, 40, 0.95F},
                                 {1.0F, 0, 1.0F, 0.1F},
                                 {1.0F, 300, 0.8F, 0.02F},
                                 {1.0F, n - 1, 0.99F}}) {
          const Drawn drawn = draw(variant, x, n, 1, f);
          bool any = std::any_of(x.begin(), x.end(), [](float v) { return v > -kInf; });
          if (!any) continue;
          EXPECT_EQ(wrong_threshold(x, f, drawn.least[0]), "")
              << variant.name << " " << kind << " n " << n << " k " << f.top_k << " p " << f.top_p;
          const std::int32_t token = drawn.tokens[0];
          ASSERT_TRUE(token >= 0 && token < n);
          EXPECT_GE(x[static_cast<std::size_t>(token)], drawn.least[0]) << variant.name << kind;
        }
      }
    }
  });
}

TEST(SamplingCuda, FrequenciesAreTheProbabilities) {
  AISP_NEEDS_DEVICE();
  constexpr int kDraws = 40000;
  for_each_variant([](const Variant& variant) {
    for (const int n : {7, 300, 20000}) {
      for (const Filters& f :
           {Filters{0.7F}, {1.0F, 30}, {1.5F, 0, 0.8F}, {1.0F, 0, 1.0F, 0.05F}}) {
        const std::vector<float> x = logits_of("model", n, 11);
        const Drawn drawn = draw(variant, x, n, kDraws, f, 100);
        std::vector<double> p(x.size());
        double sum = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          p[i] = x[i] >= drawn.least[0] ? std::exp(double(x[i]) / double(f.temperature)) : 0.0;
          sum += p[i];
        }
        std::vector<int> seen(x.size());
        for (const std::int32_t token : drawn.tokens) ++seen[static_cast<std::size_t>(token)];
        // Rare tokens share cells, so that each expects at least 20 draws.
        double square = 0.0, expected = 0.0, got = 0.0;
        int cells = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          expected += kDraws * p[i] / sum;
          got += seen[i];
          if (expected < 20.0 && i + 1 < x.size()) continue;
          square += (got - expected) * (got - expected) / std::max(expected, 1.0);
          ++cells;
          expected = got = 0.0;
        }
        // Mean cells - 1, variance twice that; 5 deviations, the seeds being fixed.
        EXPECT_LT(square, cells + 5.0 * std::sqrt(2.0 * cells) + 5.0)
            << variant.name << " n " << n << " k " << f.top_k << " cells " << cells;
      }
    }
  });
}

TEST(SamplingCuda, GreedyTakesTheFirstOfTheLargest) {
  AISP_NEEDS_DEVICE();
  for_each_variant([](const Variant& variant) {
    for (const int n : {3, 1000, 40000, 128256}) {
      for (const bool narrow : {false, true}) {
        std::vector<float> x = logits_of("steps", n, 3);
        const auto middle = static_cast<std::size_t>(n / 2);
        x[middle] = x.back() = 77.0F;
        x[0] = std::nanf("");
        EXPECT_EQ(draw(variant, x, n, 1, {0.0F}, 1, narrow).tokens[0], n / 2) << variant.name;
        x.back() = kInf;
        EXPECT_EQ(draw(variant, x, n, 1, {0.0F}, 1, narrow).tokens[0], n - 1) << variant.name;
        EXPECT_EQ(draw(variant, x, n, 1, {1.0F}, 1, narrow).tokens[0], n - 1) << variant.name;
      }
    }
  });
}

TEST(SamplingCuda, NothingToChooseIsMinusOne) {
  AISP_NEEDS_DEVICE();
  for_each_variant([](const Variant& variant) {
    std::vector<float> x(5000, -kInf);
    EXPECT_EQ(draw(variant, x, 5000, 2, {1.0F}).tokens, (std::vector<std::int32_t>{-1, -1}));
    std::fill(x.begin(), x.end(), std::nanf(""));
    EXPECT_EQ(draw(variant, x, 5000, 1, {0.0F}).tokens[0], -1);
    x[4321] = -5.0F;  // one that can be chosen
    EXPECT_EQ(draw(variant, x, 5000, 1, {1.0F, 5, 0.5F}).tokens[0], 4321);
  });
}

TEST(SamplingCuda, ADrawIsItsRowAndSeedAlone) {
  AISP_NEEDS_DEVICE();
  for_each_variant([](const Variant& variant) {
    const int n = 50001;  // rows that are not aligned
    std::vector<float> x;
    for (std::uint64_t r = 0; r < 40; ++r) {
      const std::vector<float> row = logits_of("normal", n, r);
      x.insert(x.end(), row.begin(), row.end());
    }
    const Filters f{1.0F, 0, 0.9F};
    const Drawn all = draw(variant, x, n, 40, f, 500);
    EXPECT_EQ(all.tokens, draw(variant, x, n, 40, f, 500).tokens);
    EXPECT_NE(all.tokens, draw(variant, x, n, 40, f, 500, false, 1).tokens);
    EXPECT_NE(all.tokens, draw(variant, x, n, 40, f, 501).tokens);
    for (const std::size_t r : {std::size_t{0}, std::size_t{1}, std::size_t{39}}) {
      const std::vector<float> row(x.begin() + static_cast<std::ptrdiff_t>(r) * n,
                                   x.begin() + static_cast<std::ptrdiff_t>(r + 1) * n);
      EXPECT_EQ(draw(variant, row, n, 1, f, 500 + r).tokens[0], all.tokens[r]) << variant.name;
    }
  });
}

TEST(SamplingDevice, PhiloxHasItsKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(SamplingDevice, ChoosesByVocabularyAndDevice) {
  const machine::CudaDevice h200 = machine::described_h200();
  Request request;
  request.batch = 64;
  request.vocabulary = 128256;
  EXPECT_EQ(choose_config(request, h200).blocks_per_row, 8);
  EXPECT_TRUE(choose_config(request, h200).staged);
  request.vocabulary = 1000;
  EXPECT_EQ(choose_config(request, h200).blocks_per_row, 1);
  EXPECT_TRUE(choose_config(request, h200).staged);
  request.vocabulary = 1 << 20;  // beyond eight shared memories
  EXPECT_FALSE(choose_config(request, h200).staged);
  machine::CudaDevice a100 = h200;
  a100.major = 8;
  a100.cluster_launch = false;
  a100.shared_bytes_per_block = 163 << 10;
  request.vocabulary = 128256;
  EXPECT_FALSE(choose_config(request, a100).staged);
  request.vocabulary = 32000;
  EXPECT_TRUE(choose_config(request, a100).staged);
  EXPECT_EQ(choose_config(request, a100).blocks_per_row, 1);
  machine::CudaDevice turing = h200;
  turing.major = 7;
  for (const Variant& variant : variants()) EXPECT_NE(variant.why_not(turing), "");
}

}  // namespace
}  // namespace aisp::kernels::sampling_cuda
