// Properties of softmax beyond equality with the reference.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

bench::Lab describe();

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

/// Softmax of one row by a technique of the lab.
std::vector<float> softmax(const bench::Technique& technique, std::vector<float> x) {
  const auto n = static_cast<std::int64_t>(x.size());
  std::vector<float> y(x.size());
  bench::Io::Buffer in = {x.data(), x.size() * 4, DType::kF32, nullptr};
  bench::Io::Buffer out = {y.data(), y.size() * 4, DType::kF32, nullptr};
  technique.plan({{"rows", 1}, {"n", n}, {"causal", 0}})->run(bench::Io({&in, 1}, {&out, 1}), 1);
  return y;
}

std::vector<bench::Technique> techniques_here() {
  std::vector<bench::Technique> here;
  for (const bench::Technique& one : describe().techniques) {
    if (one.role == bench::Role::kPeer) continue;  // special values are the library's business
    if (one.device != bench::Device::kCpu) continue;
    if (!one.needs || one.needs(machine::cpu()).empty()) here.push_back(one);
  }
  return here;
}

TEST(OnlineSoftmax, AllTechniquesAreRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(OnlineSoftmax, EqualLogitsGiveEqualProbabilities) {
  for (const bench::Technique& technique : techniques_here()) {
    for (const float value : {0.0f, -3e38f, 88.0f, 1e30f}) {
      for (const float got : softmax(technique, std::vector<float>(1029, value))) {
        EXPECT_NEAR(got, 1.0 / 1029.0, 1e-9) << technique.name;
      }
    }
  }
}

TEST(OnlineSoftmax, OneHugeLogitTakesAll) {
  for (const bench::Technique& technique : techniques_here()) {
    for (const std::size_t at : {0u, 1023u, 1024u, 2500u}) {
      std::vector<float> x(2501, -1.0f);
      x[at] = 1e4f;
      const auto y = softmax(technique, x);
      for (std::size_t i = 0; i < y.size(); ++i) {
        EXPECT_EQ(y[i], i == at ? 1.0f : 0.0f) << technique.name << " " << i;
      }
    }
  }
}

/// Masks that cover whole blocks, at either end, and rows with one open element.
TEST(OnlineSoftmax, MaskedElementsAreZeroAndRestSumsToOne) {
  for (const bench::Technique& technique : techniques_here()) {
    for (const auto& [begin, end] : {std::pair{0, 1500}, {1000, 3000}, {0, 2999}, {1, 3000}}) {
      std::vector<float> x(3000);
      fill_normal(x, 9, 3.0f);
      std::fill(x.begin() + begin, x.begin() + end, -kInf);
      const auto y = softmax(technique, x);
      for (int i = begin; i < end; ++i) ASSERT_EQ(y[static_cast<std::size_t>(i)], 0.0f);
      EXPECT_NEAR(std::accumulate(y.begin(), y.end(), 0.0), 1.0, 1e-5) << technique.name;
    }
    for (const float got : softmax(technique, std::vector<float>(1100, -kInf))) {
      ASSERT_TRUE(std::isnan(got)) << technique.name;
    }
  }
}

TEST(OnlineSoftmax, NanSpreadsOverTheRow) {
  for (const bench::Technique& technique : techniques_here()) {
    if (technique.name == "online") continue;  // as published it drops a NaN from its sum
    std::vector<float> x(1500, 1.0f);
    x[700] = std::numeric_limits<float>::quiet_NaN();
    for (const float got : softmax(technique, x)) {
      ASSERT_TRUE(std::isnan(got)) << technique.name;
    }
  }
}

TEST(OnlineSoftmax, AddingAConstantChangesNothing) {
  for (const bench::Technique& technique : techniques_here()) {
    std::vector<float> x(777), moved(777);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<float>((i * 37) % 101) / 8.0f;  // exact, and exact after the move
      moved[i] = x[i] - 512.0f;
    }
    EXPECT_EQ(softmax(technique, x), softmax(technique, moved)) << technique.name;
  }
}

TEST(OnlineSoftmax, Bf16OutputsFail) {
  const bench::Lab lab = describe();
  bench::Technique rounded = {.name = "rounded", .plan = [](const bench::Params& params) {
                                auto exact = three_pass().plan(params);
                                return bench::plan_of([plan = std::shared_ptr<bench::Plan>(
                                                           std::move(exact))](const bench::Io& io) {
                                  plan->run(io, 1);
                                  for (float& y : io.out<float>(0)) y = float(bf16(y));
                                });
                              }};
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, rounded, 5), "");
    if (one.device != bench::Device::kCpu) continue;
    EXPECT_NE(bench::run_and_check(lab, one.full, rounded, 5), "");
  }
}

TEST(OnlineSoftmaxCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(OnlineSoftmax, NeedsSayWhy) {
  const machine::Cpu bare;
  EXPECT_EQ(online_avx2().needs(bare), "needs AVX2");
  EXPECT_EQ(online_avx512().needs(bare), "needs AVX-512");
  EXPECT_EQ(online_threads().needs(bare), "needs 2 cores");
}

}  // namespace
}  // namespace aisp::labs::ch09::online_softmax
