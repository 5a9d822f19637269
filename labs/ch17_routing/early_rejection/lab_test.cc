// Every technique decides as the reference does, and as the engine does when the requests are
// really submitted; one that forgets who was taken is noticed.
#include <gtest/gtest.h>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch17_routing/early_rejection/problem.h"

namespace aisp::labs::ch17::early_rejection {

bench::Lab describe();

namespace {

TEST(EarlyRejection, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(EarlyRejection, TheEngineTakesAndRefusesTheSameOnes) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[1].smoke;
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 11);
  sums_by_due().plan(size)->run(set.io(), 1);
  serve::Config config = config_of(size);
  config.device_blocks = 4096;
  serve::State state(config);
  int taken = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(size["N"]); ++i) {
    const double within_s = set.io().in<float>(kWithin)[i];
    serve::Request request{.max_tokens = 1, .patience_s = 1e9, .first_token_by_s = within_s};
    request.prompt.assign(static_cast<std::size_t>(set.io().in<std::int32_t>(kPrompt)[i]), 1);
    const serve::Verdict verdict = submit(state, std::move(request), 0.0);
    const bool too_late = verdict.why == serve::Verdict::Why::kTooLate;
    ASSERT_EQ(set.io().out<std::int32_t>(kTaken)[i], too_late ? 0 : 1) << i;
    ASSERT_EQ(set.io().out<double>(kFirstToken)[i], verdict.first_token_s) << i;
    taken += !too_late;
  }
  EXPECT_GT(taken, 5);
  EXPECT_LT(taken, size["N"] - 5);
}

TEST(EarlyRejection, WhoForgetsTheQueueIsNoticed) {
  bench::Technique forgetful = sums_by_due();
  forgetful.name = "cheat";
  forgetful.plan = [](const bench::Params& params) {
    return bench::plan_of([config = config_of(params)](const bench::Io& io) {
      ask_all(
          config, io, [](float) { return 0; }, [](std::int32_t, float) {});
    });
  };
  const bench::Lab lab = describe();
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, forgetful, 3), "");
}

}  // namespace
}  // namespace aisp::labs::ch17::early_rejection
