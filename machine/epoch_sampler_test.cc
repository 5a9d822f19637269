// The sampler on loops of known rate: it must find it, prefer the quicker candidate, and not let
// interrupted epochs or one glitch of the clock into what it reports.
#include "machine/epoch_sampler.h"

#include <gtest/gtest.h>

namespace aisp::machine {
namespace {

// Takes no time itself: its epochs say what they are told to.
EpochLoop loop_of(double rate) {
  return [rate](double amount) { return Epoch{amount / rate, amount, false}; };
}

TEST(EpochSampler, FindsTheRateAndTheQuickerCandidate) {
  EpochSampler sampler;
  EXPECT_TRUE(sampler.empty());
  sampler.add_candidate(loop_of(2e9));
  sampler.add_candidate(loop_of(5e9));
  sampler.add_candidate(loop_of(3e9));
  sampler.sample(0.001, 0.001);
  EXPECT_NEAR(sampler.result().rate.estimate, 5.0, 1e-9);
  EXPECT_NEAR(sampler.result().best, 5.0, 1e-9);
  EXPECT_EQ(sampler.interrupted(), 0u);
}

TEST(EpochSampler, EpochsTakeTheTimeAskedFor) {
  double last = 0.0;
  EpochSampler sampler;
  sampler.add_candidate([&last](double amount) {
    last = amount / 1e9;
    return Epoch{last, amount, false};
  });
  sampler.sample(0.0001, 0.0007);
  EXPECT_NEAR(last, 0.0007, 1e-9);
}

TEST(EpochSampler, InterruptedEpochsAreLeftOutWhenEnoughAreWhole) {
  int epoch = 0;
  EpochSampler sampler;
  sampler.add_candidate([&epoch](double amount) {
    const bool interrupted = ++epoch % 4 != 0;  // three of four
    return Epoch{amount / (interrupted ? 1e9 : 4e9), amount, interrupted};
  });
  sampler.sample(0.005, 0.001);
  EXPECT_GT(sampler.interrupted(), sampler.epochs() / 2);
  EXPECT_NEAR(sampler.result().rate.estimate, 4.0, 1e-9);
  EXPECT_NEAR(sampler.result().rate.low, 4.0, 1e-9);
}

TEST(EpochSampler, WithoutWholeEpochsAllCountAndTheCallStillEnds) {
  EpochSampler sampler;
  sampler.add_candidate([](double amount) { return Epoch{amount / 2e9, amount, true}; });
  sampler.sample(0.001, 0.001);
  EXPECT_EQ(sampler.interrupted(), sampler.epochs());
  EXPECT_NEAR(sampler.result().rate.estimate, 2.0, 1e-9);
}

TEST(EpochSampler, OneGlitchOfTheClockSetsNoBound) {
  int epoch = 0;
  EpochSampler sampler;
  sampler.add_candidate([&epoch](double amount) {
    return Epoch{amount / (++epoch == 200 ? 1e12 : 1e9), amount, false};
  });
  sampler.sample(0.02, 0.001);
  ASSERT_GT(epoch, 200);
  EXPECT_NEAR(sampler.result().best, 1.0, 1e-9);
}

TEST(EpochSampler, CallsAddUp) {
  EpochSampler sampler;
  sampler.add_candidate(loop_of(1e9));
  sampler.sample(0.001, 0.001);
  const std::size_t first = sampler.epochs();
  sampler.sample(0.001, 0.001);
  EXPECT_GT(sampler.epochs(), first);
}

}  // namespace
}  // namespace aisp::machine
