// Derived figures and the impossible, on records made by hand.
#include "bench/judge.h"

#include <gtest/gtest.h>

namespace aisp::bench {
namespace {

Lab small_lab() {
  Lab lab;
  lab.baseline = "plain";
  for (const char* name : {"plain", "other"}) {
    Technique technique;
    technique.name = name;
    lab.techniques.push_back(technique);
  }
  return lab;
}

machine::Ceilings ceilings() {
  machine::Ceilings result;
  result.compute.push_back({"avx2", DType::kF32, 1, {100.0, 99.0, 101.0}, 102.0});
  result.bandwidth.push_back({0, "read", 1, 1u << 28, {10.0, 9.0, 11.0}, 12.0});
  return result;
}

CaseResult measured(double plain_ns, double other_ns, double flops = 1e6) {
  CaseResult result;
  result.lab = "ch00:test";
  result.baseline = "plain";
  result.flops = flops;
  result.flops_dtype = "f32";
  result.medium = "memory";
  result.bytes_read = 4e6;
  result.working_set_bytes = 1e9;
  for (const char* name : {"plain", "other"}) {
    TechniqueResult technique;
    technique.name = name;
    technique.outcome = Outcome::kOk;
    result.techniques.push_back(technique);
  }
  ProcessRecord process;
  for (int i = 0; i < 64; ++i) {
    const double jitter = 1.0 + 1e-3 * (i % 5);
    for (const auto& [name, ns] : {std::pair{"plain", plain_ns}, {"other", other_ns}}) {
      process.series[name].wall_ns.push_back(ns * jitter);
      process.series[name].cpu_ns.push_back(ns * jitter);
    }
  }
  result.processes.push_back(process);
  return result;
}

machine::Cpu cpu() {
  machine::Cpu result;
  result.data_caches = {{1, 32 << 10, 8, 64, 1}};
  return result;
}

TEST(Judge, RatesAndFractionOfTheBindingCeiling) {
  CaseResult result = measured(1e6, 8e5);
  judge_case(result, small_lab(), cpu(), ceilings(), {});
  const TechniqueResult& other = result.techniques[1];
  EXPECT_EQ(other.outcome, Outcome::kOk);
  EXPECT_EQ(other.pair.verdict, Verdict::kFaster);
  EXPECT_NEAR(other.gb_per_s, 5.0, 0.02);
  EXPECT_EQ(other.bound, "memory");  // 4e6 B at 10 GB/s: 400 us; 1e6 flops at 100 GFLOP/s: 10 us
  EXPECT_NEAR(other.floor_ns, 4e5, 1.0);
  EXPECT_NEAR(other.ceiling_fraction, 0.5, 0.01);
}

TEST(Judge, BeyondTheCeilingIsImpossibleAndHasNoPlace) {
  const Lab lab = small_lab();  // 10 ms at the ceiling
  CaseResult result = measured(2e7, 8e5, 1e9);
  judge_case(result, lab, cpu(), ceilings(), {});
  EXPECT_EQ(result.techniques[0].outcome, Outcome::kOk);
  EXPECT_EQ(result.techniques[1].outcome, Outcome::kImpossible);
  EXPECT_TRUE(beyond_ceilings(result));
  JudgeRules unchecked;
  unchecked.ceiling_check = false;
  result = measured(2e7, 8e5, 1e9);
  judge_case(result, lab, cpu(), ceilings(), unchecked);
  EXPECT_EQ(result.techniques[1].outcome, Outcome::kOk);
}

TEST(Judge, WithoutABaselineNothingIsCompared) {
  CaseResult result = measured(1e6, 8e5);
  result.techniques[0].outcome = Outcome::kWrong;
  judge_case(result, small_lab(), cpu(), ceilings(), {});
  EXPECT_EQ(result.techniques[1].outcome, Outcome::kFailed);
}

TEST(Judge, SameRecordSameVerdict) {
  CaseResult a = measured(1e6, 9.9e5), b = measured(1e6, 9.9e5);
  judge_case(a, small_lab(), cpu(), ceilings(), {});
  judge_case(b, small_lab(), cpu(), ceilings(), {});
  EXPECT_EQ(to_json(a).dump(), to_json(b).dump());
}

}  // namespace
}  // namespace aisp::bench
