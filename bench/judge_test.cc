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

DeviceCeilings device_ceilings() {
  DeviceCeilings device;
  device.gpu = "a card";
  const auto add = [&](const char* name, const char* unit, double rate) {
    device.costs.costs.push_back({name, unit, {rate, rate, rate}, rate, ""});
  };
  add("matrix product, f32", "TFLOP/s", 50.0);
  add("matrix product, tf32", "TFLOP/s", 400.0);
  add("copy, host to device, pinned", "GB/s", 50.0);
  add("copy, device to host, pinned", "GB/s", 50.0);
  add("copy, both ways at once, pinned", "GB/s", 90.0);
  return device;
}

CaseResult on_card(double plain_ns, double other_ns, double flops) {
  CaseResult result = measured(plain_ns, other_ns, flops);
  result.device = "cuda";
  result.cache = "warm";
  return result;
}

TEST(Judge, F32WorkBeyondItsUnitsIsHeldAgainstTheTensorCores) {
  const DeviceCeilings device = device_ceilings();
  JudgeRules rules;
  rules.device = &device;
  CaseResult result = on_card(2.5e6, 0.5e6, 1e11);  // f32: 2 ms; tf32: 0.25 ms
  judge_case(result, small_lab(), cpu(), {}, rules);
  EXPECT_NEAR(result.techniques[0].ceiling_fraction, 0.8, 0.01);
  EXPECT_EQ(result.techniques[1].outcome, Outcome::kOk);
  EXPECT_NEAR(result.techniques[1].ceiling_fraction, 0.5, 0.01);
  result = on_card(2.5e6, 0.2e6, 1e11);  // quicker than those, too
  judge_case(result, small_lab(), cpu(), {}, rules);
  EXPECT_EQ(result.techniques[1].outcome, Outcome::kImpossible);
  result = on_card(2.5e6, 0.5e6, 1e11);  // no such thing in other types
  result.flops_dtype = "f64";
  judge_case(result, small_lab(), cpu(), {}, rules);
  EXPECT_EQ(result.techniques[1].bound, "");
}

TEST(Judge, TheLinkToTheHostHasTwoDirections) {
  const DeviceCeilings device = device_ceilings();
  JudgeRules rules;
  rules.device = &device;
  CaseResult result = on_card(1e5, 0.8e5, 0.0);  // 4 MB in: 80 us
  result.medium = "host link";
  judge_case(result, small_lab(), cpu(), {}, rules);
  EXPECT_NEAR(result.techniques[1].ceiling_fraction, 1.0, 0.01);
  result = on_card(2e5, 1e5, 0.0);  // and 4 MB out: 89 us both at once
  result.medium = "host link";
  result.bytes_written = 4e6;
  judge_case(result, small_lab(), cpu(), {}, rules);
  EXPECT_NEAR(result.techniques[1].ceiling_fraction, 0.89, 0.01);
}

}  // namespace
}  // namespace aisp::bench
