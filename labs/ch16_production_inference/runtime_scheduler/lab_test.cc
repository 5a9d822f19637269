// Every technique is right at smoke and ragged sizes and gives the same bits; a prompt in pieces
// that forgets one is noticed; the engine's steps while the prompt is computed are short ones.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch16_production_inference/runtime_scheduler/problem.h"
#include "recorded/server.h"

namespace aisp::labs::ch16::runtime_scheduler {

bench::Lab describe();

namespace {

TEST(RuntimeScheduler, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(RuntimeScheduler, WhoGoesFirstDoesNotChangeASingleBit) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    EXPECT_EQ(bench::differing_bits(lab, one.smoke), "") << one.name;
  }
}

TEST(RuntimeScheduler, OnlyWhoIsWaitedForIsOutput) {
  const bench::Lab lab = describe();
  const auto rows = [&](std::size_t index) {
    return lab.problem(lab.cases[index].smoke).outputs[0].shape[0];
  };
  EXPECT_EQ(rows(0), 3 * 2);
  EXPECT_EQ(rows(1), 1);
  EXPECT_EQ(rows(2), 4 * 5);
  EXPECT_LT(lab.work(lab.cases[1].smoke).flops, lab.work(lab.cases[2].smoke).flops);
}

// The claim of the lab, counted and not timed: while streams run, no step of the engine has more
// than a piece of the prompt, and a longer limit makes longer pieces.
TEST(RuntimeScheduler, TheEngineCutsThePrompt) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[2].smoke;
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 5);
  State state(size);
  const auto longest_step = [&](const serve::Config& config) {
    state.steps.begin(set.io());
    recorded::Server server(state.steps, config);
    for (std::int64_t r = 0; r < state.newcomer; ++r) server.submit(r);
    server.step();
    server.submit(state.newcomer);
    int most = 0;
    while (server.step() && server.plan().cost.decode_rows == 3) {
      EXPECT_GT(server.plan().cost.prompt_tokens, 0.0);
      most = std::max(most, server.plan().rows);
    }
    return most;
  };
  const int pieces = longest_step(recorded::config_of(state.shape, 4));
  const int longer = longest_step(longer_steps(state.shape));
  EXPECT_LT(pieces, longer);
  EXPECT_LT(longer, 3 + 40);
}

// A newcomer whose first token is skipped sees a wrong prompt.
TEST(RuntimeScheduler, AForgottenPieceIsNoticed) {
  const bench::Lab lab = describe();
  bench::Technique technique = prompt_first();
  technique.name = "cheat";
  technique.plan = [](const bench::Params& params) {
    return bench::plan_of([state = std::make_shared<State>(params)](const bench::Io& io) {
      state->steps.begin(io);
      const auto blocks = state->steps.place(0, state->shape.blocks_for(state->shape.longest));
      const std::int64_t prompt = state->shape.request(state->newcomer).prompt;
      state->steps.add(state->newcomer, 0, prompt / 2, blocks);
      state->steps.forward();
      state->steps.add(state->newcomer, prompt / 2 + 1, prompt - prompt / 2 - 1, blocks);
      state->steps.forward();
    });
  };
  EXPECT_NE(bench::run_and_check(lab, lab.cases[1].smoke, technique, 3), "");
}

}  // namespace
}  // namespace aisp::labs::ch16::runtime_scheduler
