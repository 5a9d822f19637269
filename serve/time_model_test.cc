// What the time model learns from steps: a slower machine, one wrong cost among right ones, stalls.
#include "serve/time_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace aisp::serve {
namespace {

StepWork some_work(Rng& rng) {
  StepWork work;
  work.decode_rows = static_cast<double>(rng.below(16));
  work.prompt_tokens = rng.below(2) == 0 ? 0.0 : static_cast<double>(rng.below(64));
  work.context_tokens = 500.0 * work.decode_rows * rng.uniform() + 4.0 * work.prompt_tokens;
  return work;
}

TEST(TimeModel, ExactPredictionsChangeNothing) {
  TimeModel model;
  TimeLearner learner;
  Rng rng(1);
  for (int i = 0; i < 100; ++i) {
    const StepWork work = some_work(rng);
    learner.learn(model, work, model.seconds(work));
  }
  EXPECT_EQ(model.step_s, TimeModel{}.step_s);
  EXPECT_EQ(model.prompt_token_s, TimeModel{}.prompt_token_s);
}

// The machine becomes twice as slow, then its attention alone four times: the predictions follow.
TEST(TimeModel, FollowsTheMachine) {
  TimeModel model, truth;
  TimeLearner learner;
  Rng rng(2);
  const auto worst_after = [&](int steps) {
    for (int i = 0; i < steps; ++i) {
      const StepWork work = some_work(rng);
      learner.learn(model, work, truth.seconds(work) * (0.95 + 0.1 * rng.uniform()));
    }
    double worst = 0.0;
    for (int i = 0; i < 200; ++i) {
      const StepWork work = some_work(rng);
      worst = std::max(worst, std::abs(std::log(model.seconds(work) / truth.seconds(work))));
    }
    return worst;
  };
  truth.step_s *= 2.0;
  truth.prompt_token_s *= 2.0;
  truth.decode_row_s *= 2.0;
  truth.context_token_s *= 2.0;
  EXPECT_LT(worst_after(100), 0.15);
  truth.context_token_s *= 4.0;
  EXPECT_LT(worst_after(1000), 0.15);
}

TEST(TimeModel, AStallMovesLittleAndNonsenseNothing) {
  TimeModel model;
  TimeLearner learner;
  const StepWork work{.decode_rows = 4, .context_tokens = 2000};
  const double before_s = model.seconds(work);
  for (const double nonsense : {0.0, -1.0, std::nan(""), HUGE_VAL})
    learner.learn(model, work, nonsense);
  EXPECT_EQ(model.seconds(work), before_s);
  for (int i = 0; i < 100; ++i) learner.learn(model, work, before_s);
  learner.learn(model, work, 100.0 * before_s);
  EXPECT_LT(model.seconds(work), 1.06 * before_s);
  EXPECT_GT(model.seconds(work), before_s);
}

}  // namespace
}  // namespace aisp::serve
