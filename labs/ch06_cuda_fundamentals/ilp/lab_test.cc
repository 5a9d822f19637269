// Properties of the chains beyond equality with the reference.
#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch06_cuda_fundamentals/ilp/interleaved.h"

namespace aisp::labs::ch06::ilp {

bench::Lab describe();

namespace {

TEST(Ilp, AllTechniquesAreRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(Ilp, InterleavingTheMapChangesNoBit) {
  constexpr std::int64_t kChains = 37, kSteps = 65;
  std::vector<float> start(kChains), step(kChains), one(kChains), other(kChains);
  fill_uniform(start, 1, -0.5f, 0.5f);
  fill_uniform(step, 2, -0.25f, 0.25f);
  const Chains plain = {start.data(), step.data(), one.data(), kChains, kSteps};
  const Chains woven = {start.data(), step.data(), other.data(), kChains, kSteps};
  square_map_from(plain, 0);
  interleaved_square_map<4>(woven);
  EXPECT_EQ(one, other);
  interleaved_square_map<8>(woven);
  EXPECT_EQ(one, other);
}

/// The inputs and the bound are chosen so that one step too few, and bf16 data, are seen.
TEST(Ilp, MissingStepAndLowerPrecisionFail) {
  const bench::Lab lab = describe();
  for (const bench::Params& full : {lab.cases[0].full, lab.cases[1].full}) {
    bench::Technique short_by_one = {
        .name = "short_by_one", .plan = [](const bench::Params& params) {
          return bench::plan_of([params](const bench::Io& io) {
            Chains work = {io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(),
                           params["chains"], params["steps"] - 1};
            if (params["kind"] == kSquareMap) square_map_from(work, 0);
            if (params["kind"] == kScores) scores_from(work, 0);
          });
        }};
    bench::Technique bf16_data = {
        .name = "bf16_data", .plan = [](const bench::Params& params) {
          return bench::plan_of([params](const bench::Io& io) {
            const auto round = [](std::span<const float> from) {
              std::vector<float> to;
              for (const float value : from) to.push_back(float(bf16(value)));
              return to;
            };
            const auto start = round(io.in<float>(0)), step = round(io.in<float>(1));
            const Chains work = {start.data(), step.data(), io.out<float>(0).data(),
                                 params["chains"], params["steps"]};
            if (params["kind"] == kSquareMap) square_map_from(work, 0);
            if (params["kind"] == kScores) scores_from(work, 0);
          });
        }};
    EXPECT_NE(bench::run_and_check(lab, full, short_by_one, 3), "");
    EXPECT_NE(bench::run_and_check(lab, full, bf16_data, 3), "");
  }
}

TEST(Ilp, NeedsSayWhy) {
  const machine::Cpu bare;
  EXPECT_EQ(simd_avx2().needs(bare), "needs AVX2");
  EXPECT_EQ(simd_avx512().needs(bare), "needs AVX-512");
}

TEST(IlpCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch06::ilp
