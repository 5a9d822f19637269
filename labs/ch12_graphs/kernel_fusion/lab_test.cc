// Fusion changes no bit, also for special values.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch12_graphs/kernel_fusion/problem.h"

namespace aisp::labs::ch12::kernel_fusion {

bench::Lab describe();

namespace {

TEST(KernelFusionCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(KernelFusion, AllTechniquesAreRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

std::vector<float> run(const bench::Technique& technique, std::vector<float> s) {
  std::vector<float> y(s.size(), -7.0f);
  bench::Io::Buffer in = {s.data(), s.size() * 4, DType::kF32, nullptr};
  bench::Io::Buffer out = {y.data(), y.size() * 4, DType::kF32, nullptr};
  const auto n = static_cast<std::int64_t>(s.size());
  technique.plan({{"n", n}})->run(bench::Io({&in, 1}, {&out, 1}), 2);
  return y;
}

TEST(KernelFusion, FusionChangesNoBit) {
  std::vector<float> s(3001);
  fill_uniform(s, 5, 0.0f, 3.0f);
  s[0] = 0.0f;
  s[1] = std::numeric_limits<float>::infinity();
  s[2] = 1e-38f;
  s[3] = 3e38f;
  s[2999] = 1e-30f;
  const auto first = run(three_passes(), s);
  for (const bench::Technique& technique : describe().techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
    EXPECT_EQ(run(technique, s), first) << technique.name;
  }
  EXPECT_EQ(first[1], s[1]);
}

TEST(KernelFusion, NegativeMomentsAndNanGiveNan) {
  for (const bench::Technique& technique : describe().techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
    for (const float value : {-1.0f, std::nanf("")}) {
      for (const float y : run(technique, std::vector<float>(37, value))) {
        EXPECT_TRUE(std::isnan(y)) << technique.name;
      }
    }
  }
}

TEST(KernelFusion, Bf16InputsFail) {
  const bench::Lab lab = describe();
  bench::Technique rounded = {.name = "rounded", .plan = [](const bench::Params& params) {
                                return bench::plan_of([n = params["n"]](const bench::Io& io) {
                                  std::vector<float> s;
                                  for (const float value : io.in<float>(0))
                                    s.push_back(float(bf16(value)));
                                  fused_from(s.data(), io.out<float>(0).data(), 0, n);
                                });
                              }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, rounded, 5), "");
}

TEST(KernelFusion, NeedsSayWhy) {
  EXPECT_EQ(one_pass_avx2().needs(machine::Cpu{}), "needs AVX2");
  EXPECT_EQ(one_pass_avx512().needs(machine::Cpu{}), "needs AVX-512");
}

}  // namespace
}  // namespace aisp::labs::ch12::kernel_fusion
