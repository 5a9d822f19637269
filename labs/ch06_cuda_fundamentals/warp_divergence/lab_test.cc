// Blends are the branch, bit for bit, also at the threshold and for NaN and infinity.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "bench/verify.h"
#include "labs/ch06_cuda_fundamentals/warp_divergence/problem.h"

namespace aisp::labs::ch06::warp_divergence {

bench::Lab describe();

namespace {

TEST(WarpDivergence, AllTechniquesAreRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(WarpDivergence, BlendsAreTheBranchBitForBit) {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> pred = {0.0f,
                             -0.0f,
                             1.0f,
                             -1.0f,
                             std::nextafter(1.0f, 0.0f),
                             1e30f,
                             inf,
                             -inf,
                             3e-39f,
                             1e-30f,
                             std::nextafter(-1.0f, -2.0f),
                             0.5f,
                             -2.5f,
                             1.25f,
                             7.0f,
                             1e-3f,
                             0.9f};
  for (int i = 0; i < 100; ++i) pred.push_back(0.037f * static_cast<float>(i - 50));
  std::vector<float> target(pred.size(), 0.0f);
  const auto n = static_cast<std::int64_t>(pred.size());
  const bench::Params params = {{"n", n}, {"spread_percent", 100}, {"sorted", 0}};
  std::vector<float> first;
  for (const bench::Technique& technique : describe().techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
    std::vector<float> out(pred.size(), -1.0f);
    bench::Io::Buffer in[2] = {{pred.data(), pred.size() * 4, DType::kF32, nullptr},
                               {target.data(), target.size() * 4, DType::kF32, nullptr}};
    bench::Io::Buffer to = {out.data(), out.size() * 4, DType::kF32, nullptr};
    technique.plan(params)->run(bench::Io(in, {&to, 1}), 1);
    if (first.empty()) first = out;
    for (std::size_t i = 0; i < out.size(); ++i) {
      // Below 1e-38 the two ways to halve a square may lose different bits of a denormal.
      if (std::fabs(pred[i]) < 1e-18f) continue;
      EXPECT_EQ(std::memcmp(&out[i], &first[i], 4), 0) << technique.name << " at " << pred[i];
    }
  }
}

TEST(WarpDivergence, NanStaysNan) {
  const bench::Params params = {{"n", 37}, {"spread_percent", 100}, {"sorted", 0}};
  for (const bench::Technique& technique : describe().techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
    std::vector<float> pred(37, std::nanf("")), target(37, 1.0f), out(37, 0.0f);
    bench::Io::Buffer in[2] = {{pred.data(), 148, DType::kF32, nullptr},
                               {target.data(), 148, DType::kF32, nullptr}};
    bench::Io::Buffer to = {out.data(), 148, DType::kF32, nullptr};
    technique.plan(params)->run(bench::Io(in, {&to, 1}), 1);
    for (const float value : out) EXPECT_TRUE(std::isnan(value)) << technique.name;
  }
}

/// The cases mean what they say: how often the sides change places decides what a predictor can do.
TEST(WarpDivergence, CasesTakeTheirSidesAsDescribed) {
  const bench::Lab lab = describe();
  const double wanted_large[] = {0.5, 0.046, 0.5};
  for (std::size_t c = 0; c < lab.cases.size(); ++c) {
    if (lab.cases[c].device != bench::Device::kCpu) continue;  // the same data, larger
    bench::InputSet set(lab.problem(lab.cases[c].full), "/tmp");
    set.fill(lab, lab.cases[c].full, 9);
    const auto pred = set.io().in<float>(0), target = set.io().in<float>(1);
    double large = 0.0, changes = 0.0;
    bool before = false;
    for (std::size_t i = 0; i < pred.size(); ++i) {
      const bool now = std::fabs(pred[i] - target[i]) >= 1.0f;
      large += now;
      changes += now != before;
      before = now;
    }
    const auto n = static_cast<double>(pred.size());
    EXPECT_NEAR(large / n, wanted_large[c], 0.02) << lab.cases[c].name;
    if (lab.cases[c].full["sorted"] == 1) {
      EXPECT_LT(changes, 20.0);
    } else {
      EXPECT_NEAR(changes / n, 2.0 * wanted_large[c] * (1.0 - wanted_large[c]), 0.02);
    }
  }
}

TEST(WarpDivergence, Bf16InputsFail) {
  const bench::Lab lab = describe();
  bench::Technique rounded = {
      .name = "rounded", .plan = [](const bench::Params& params) {
        return bench::plan_of([n = params["n"]](const bench::Io& io) {
          std::vector<float> pred, target;
          for (const float value : io.in<float>(0)) pred.push_back(float(bf16(value)));
          for (const float value : io.in<float>(1)) target.push_back(float(bf16(value)));
          blend_from({pred.data(), target.data(), io.out<float>(0).data(), n}, 0);
        });
      }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, rounded, 5), "");
}

TEST(WarpDivergence, NeedsSayWhy) {
  EXPECT_EQ(blend_avx2().needs(machine::Cpu{}), "needs AVX2");
  EXPECT_EQ(blend_avx512().needs(machine::Cpu{}), "needs AVX-512");
}

TEST(WarpDivergenceCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch06::warp_divergence
