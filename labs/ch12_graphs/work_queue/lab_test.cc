// Properties of the schedules beyond equality with the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch12_graphs/work_queue/problem.h"

namespace aisp::labs::ch12::work_queue {

bench::Lab describe();

namespace {

TEST(WorkQueueCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(WorkQueue, AllTechniquesAreRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

/// Who runs a task must not change its result: all schedules agree bit for bit, on lengths sorted
/// up, sorted down, and with one giant at either end.
TEST(WorkQueue, SchedulesAgreeBitForBit) {
  const bench::Lab lab = describe();
  const bench::Params params = {
      {"tasks", 50}, {"median", 20}, {"spread_percent", 99}, {"max_length", 300}};
  auto lengths = length_quantiles(params);
  const auto total =
      static_cast<std::size_t>(std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0}));
  std::vector<float> x(total);
  fill_normal(x, 3);
  std::vector<std::vector<std::int32_t>> orders = {lengths, {lengths.rbegin(), lengths.rend()}};
  std::rotate(lengths.begin(), lengths.end() - 1, lengths.end());
  orders.push_back(lengths);
  for (auto& order : orders) {
    std::vector<float> first;
    for (const bench::Technique& technique : lab.techniques) {
      if (technique.device != bench::Device::kCpu) continue;
      std::vector<float> out(order.size(), -1.0f);
      bench::Io::Buffer in[2] = {{x.data(), x.size() * 4, DType::kF32, nullptr},
                                 {order.data(), order.size() * 4, DType::kI32, nullptr}};
      bench::Io::Buffer to = {out.data(), out.size() * 4, DType::kF32, nullptr};
      technique.plan(params)->run(bench::Io(in, {&to, 1}), 3);
      if (first.empty()) first = out;
      EXPECT_EQ(out, first) << technique.name;
    }
  }
}

TEST(WorkQueue, LengthsAreTheSameForEverySeedButTheirOrder) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    const auto quantiles = length_quantiles(one.full);
    EXPECT_TRUE(std::is_sorted(quantiles.begin(), quantiles.end()));
    EXPECT_GE(quantiles.front(), 1);
    EXPECT_LE(quantiles.back(), one.full["max_length"]);
    EXPECT_NEAR(quantiles[quantiles.size() / 2], one.full["median"], 1 + one.full["median"] / 20);
  }
  bench::InputSet a(lab.problem(lab.cases[0].full), "/tmp"),
      b(lab.problem(lab.cases[0].full), "/tmp");
  a.fill(lab, lab.cases[0].full, 1);
  b.fill(lab, lab.cases[0].full, 2);
  const auto first = a.io().in<std::int32_t>(1), second = b.io().in<std::int32_t>(1);
  EXPECT_FALSE(std::equal(first.begin(), first.end(), second.begin()));
  EXPECT_TRUE(std::is_permutation(first.begin(), first.end(), second.begin()));
}

TEST(WorkQueue, Bf16InputsFail) {
  const bench::Lab lab = describe();
  bench::Technique rounded = {
      .name = "rounded", .plan = [](const bench::Params&) {
        return bench::plan_of([](const bench::Io& io) {
          std::vector<float> x;
          for (const float value : io.in<float>(0)) x.push_back(float(bf16(value)));
          const auto lengths = io.in<std::int32_t>(1);
          std::vector<std::int64_t> offsets(lengths.size());
          std::exclusive_scan(lengths.begin(), lengths.end(), offsets.begin(), std::int64_t{0});
          const Batch batch = {x.data(), lengths, offsets, io.out<float>(0).data()};
          for (std::size_t i = 0; i < lengths.size(); ++i) run_task(batch, i);
        });
      }};
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, rounded, 5), "") << one.name;
  }
}

TEST(WorkQueue, OneCoreIsNotEnough) {
  const machine::Cpu bare;
  for (const bench::Technique& technique : describe().techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    EXPECT_EQ(technique.needs(bare), "needs 2 cores") << technique.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch12::work_queue
