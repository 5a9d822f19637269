// Schedules on virtual time, where every figure is known: open and closed loop, what is measured,
// and that a stall of the server is charged to everybody who was due in it.
#include "load/driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "load/sim_target.h"

namespace aisp::load {
namespace {

WorkloadOptions constant_rate(double rate, int answer = 5) {
  WorkloadOptions options;
  options.gaps = {Gaps::Kind::kConstant, rate};
  options.prompt.a = 20;
  options.answer.a = answer;
  return options;
}

DriveResult run(const SimTarget::Options& server, const WorkloadOptions& asked,
                const DrivePlan& plan) {
  SimTarget target(server);
  Workload workload(asked);
  return drive(target, workload, plan);
}

int measured(const DriveResult& result) {
  return static_cast<int>(std::ranges::count_if(result.samples, &Sample::measured));
}

TEST(Driver, KnownTimesComeBackExactly) {
  const DriveResult result =
      run({.first_s = 0.25, .gap_s = 0.125}, constant_rate(8), {.duration_s = 20});
  ASSERT_EQ(measured(result), 159);  // due at 1/8, 2/8, ... below 20
  for (const Sample& sample : result.samples) {
    if (!sample.measured) continue;
    ASSERT_TRUE(sample.answered());
    EXPECT_NEAR(sample.ttft_s(), 0.25, 1e-9);
    EXPECT_NEAR(sample.tpot_s(), 0.125, 1e-9);
    EXPECT_NEAR(sample.e2e_s(), 0.75, 1e-9);
    ASSERT_EQ(sample.gaps_s.size(), 4u);
    for (const float gap : sample.gaps_s) EXPECT_NEAR(gap, 0.125, 1e-6);
    EXPECT_EQ(sample.late_s(), 0.0);
  }
  EXPECT_EQ(result.window_s, 20.0);
}

// Coordinated omission: the server stands still for one second, and the 100 requests that were due
// in it have waited between 0 and 1 s. A closed loop with one user would have one slow answer.
TEST(Driver, AStallIsChargedToAllWhoWereDue) {
  const SimTarget::Options stalls = {.first_s = 0.001, .gap_s = 0.001, .stalls = {{5.0, 6.0}}};
  const DriveResult open = run(stalls, constant_rate(100, 1), {.duration_s = 10});
  const auto slow = [](const Sample& one) { return one.measured && one.ttft_s() > 0.1; };
  const auto count = std::ranges::count_if(open.samples, slow);
  EXPECT_NEAR(static_cast<double>(count), 90, 1);
  double sum = 0.0, worst = 0.0;
  for (const Sample& sample : open.samples) {
    if (slow(sample)) sum += sample.ttft_s();
    worst = std::max(worst, sample.ttft_s());
  }
  EXPECT_NEAR(sum / static_cast<double>(count), 0.55, 0.02);  // evenly between 0.1 and 1
  EXPECT_NEAR(worst, 1.0, 0.011);

  const DriveResult closed = run(stalls, constant_rate(100, 1), {.duration_s = 10, .users = 1});
  EXPECT_EQ(std::ranges::count_if(closed.samples, slow), 1);
}

TEST(Driver, ALateGeneratorKnowsIt) {
  const DriveResult result =
      run({.first_s = 0.01, .send_costs_s = 0.02}, constant_rate(100), {.duration_s = 2});
  Sample last;
  for (const Sample& sample : result.samples) {
    if (sample.measured) last = sample;
  }
  EXPECT_GT(last.late_s(), 1.5);  // 50 a second is all it can
  EXPECT_GT(last.ttft_s(), 1.5) << "its lateness counts as the users' waiting";
}

TEST(Driver, WarmUpIsSentAndNotMeasured) {
  const DriveResult result = run({}, constant_rate(8), {.warmup_s = 5, .duration_s = 10});
  EXPECT_EQ(measured(result), 80);
  for (const Sample& sample : result.samples) {
    EXPECT_EQ(sample.measured, sample.due_s >= 5.0 && sample.due_s < 15.0) << sample.due_s;
  }
}

TEST(Driver, TheLoadGoesOnWhileMeasuredRequestsWait) {
  const SimTarget::Options slow = {.first_s = 3.0, .gap_s = 0.0};
  const DriveResult result = run(slow, constant_rate(8), {.duration_s = 5});
  EXPECT_EQ(measured(result), 39);
  EXPECT_GE(result.samples.size(), 39u + 22u);
  for (const Sample& sample : result.samples) {
    EXPECT_EQ(sample.outcome, sample.measured ? Outcome::kAnswered : Outcome::kCut);
  }
  const DriveResult none = run(slow, constant_rate(8), {.duration_s = 5, .tail_s = 0});
  EXPECT_EQ(none.samples.size(), 39u);
  for (const Sample& sample : none.samples) EXPECT_TRUE(sample.answered());
}

TEST(Driver, CountsRequests) {
  const DriveResult open = run({}, constant_rate(10), {.requests = 30, .tail_s = 0});
  EXPECT_EQ(measured(open), 30);
  EXPECT_NEAR(open.window_s, 3.0, 1e-9);
  const DriveResult closed = run({}, constant_rate(10), {.requests = 30, .users = 4});
  EXPECT_EQ(measured(closed), 30);
  EXPECT_EQ(closed.most_open, 4);
}

TEST(Driver, AClosedLoopHasSoManyUsers) {
  const DriveResult result = run({.first_s = 0.5, .gap_s = 0.125}, constant_rate(1),
                                 {.warmup_s = 2, .duration_s = 20, .users = 8});
  EXPECT_EQ(result.most_open, 8);
  EXPECT_EQ(measured(result), 8 * 20);  // each takes a second, and thinks not
  for (const Sample& sample : result.samples) EXPECT_LT(sample.due_s, 22.0);
}

TEST(Driver, WhatDoesNotEndIsCounted) {
  SimTarget::Options never = {.first_s = 1e6};
  const DriveResult result = run(never, constant_rate(2), {.duration_s = 5, .timeout_s = 30});
  EXPECT_EQ(measured(result), 9);
  for (const Sample& sample : result.samples) {
    if (sample.measured) {
      EXPECT_EQ(sample.outcome, Outcome::kTimedOut);
      EXPECT_NEAR(sample.e2e_s(), 30.0, 0.11);
    }
  }
  EXPECT_LT(result.elapsed_s, 36.0);
}

TEST(Driver, RefusalsAreCountedWithTheirTimes) {
  SimTarget::Options half;
  half.refuse_s = 0.004;
  half.refuses = [](std::uint64_t number) { return number % 2 == 1; };
  const DriveResult result = run(half, constant_rate(8), {.duration_s = 10, .tail_s = 0});
  int refused = 0;
  for (const Sample& sample : result.samples) {
    if (sample.answered()) continue;
    ++refused;
    EXPECT_EQ(sample.outcome, Outcome::kTooManyRequests);
    EXPECT_NEAR(sample.e2e_s(), 0.004, 1e-9);
    EXPECT_EQ(sample.retry_after_s, 2.0);
  }
  EXPECT_EQ(refused, 39);
}

TEST(Driver, ATurnFollowsItsAnswerAfterAThought) {
  WorkloadOptions asked = constant_rate(1);
  asked.turns = 3;
  asked.think_s = 2.0;
  SimTarget target(SimTarget::Options{});
  Workload workload(asked);
  const DriveResult result = drive(target, workload, {.duration_s = 40, .tail_s = 0});
  double thought = 0.0;
  int turns = 0;
  for (std::size_t i = 0; i < target.sent.size(); ++i) {
    const Request& request = target.sent[i];
    ASSERT_EQ(request.prompt.size(), 1u + 2u * static_cast<std::size_t>(request.turn));
    if (request.turn == 0) continue;
    EXPECT_EQ(request.prompt[1].said, "word word word word word ");
    EXPECT_EQ(request.prompt[1].said_ids.size(), 5u);
    const auto before = std::ranges::find_if(target.sent, [&](const Request& one) {
      return one.number == request.number && one.turn == request.turn - 1;
    });
    EXPECT_EQ(before->prompt[0].tokens, request.prompt[0].tokens);
    const Sample& answer = result.samples[static_cast<std::size_t>(before - target.sent.begin())];
    EXPECT_GE(request.due_s, answer.end_s);
    thought += request.due_s - answer.end_s;
    ++turns;
  }
  ASSERT_GT(turns, 50);
  // Exponential of mean 2; those that would end after the run are missing.
  EXPECT_NEAR(thought / turns, 2.0, 6.0 / std::sqrt(turns));
}

TEST(Driver, AServerThatTellsNoEndIsCutOff) {
  class Endless : public SimTarget {
   public:
    using SimTarget::SimTarget;
    void send(std::uint32_t stream, const Request& request) override {
      Request more = request;
      more.answer_tokens = 1 << 14;
      SimTarget::send(stream, more);
    }
  };
  Endless target(SimTarget::Options{});
  Workload workload(constant_rate(1));
  const DriveResult result = drive(target, workload, {.requests = 3, .tail_s = 0});
  for (const Sample& sample : result.samples) {
    EXPECT_EQ(sample.outcome, Outcome::kBroken);
    EXPECT_LE(sample.gaps_s.size(), 4u * 5u + 65u);
  }
}

TEST(Driver, StopsWhenAsked) {
  SimTarget target(SimTarget::Options{.first_s = 3.0});
  Workload workload(constant_rate(10));
  DrivePlan plan{.duration_s = 100};
  plan.stop = [&] { return target.now_s() > 4.0; };
  const DriveResult result = drive(target, workload, plan);
  EXPECT_TRUE(result.interrupted);
  EXPECT_LT(result.elapsed_s, 4.3);
  EXPECT_LT(result.window_s, 4.3);
}

}  // namespace
}  // namespace aisp::load
