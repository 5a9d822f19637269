// Every policy is right at smoke and ragged sizes and changes no bit; the claims of the lab,
// counted in steps; an answer of somebody else would be noticed.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch16_production_inference/fair_scheduler/problem.h"

namespace aisp::labs::ch16::fair_scheduler {

bench::Lab describe();

namespace {

TEST(FairScheduler, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(FairScheduler, WhoGoesFirstDoesNotChangeASingleBit) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    EXPECT_EQ(bench::differing_bits(lab, one.smoke), "") << one.name;
  }
}

int steps_of(const bench::Lab& lab, const bench::Params& size, const Policy& policy) {
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 5);
  const recorded::Shape shape = shape_of(size);
  recorded::Steps steps(shape, size["B"] * shape.blocks_for(shape.longest),
                        size["B"] + shape.longest_prompt, size["B"]);
  return serve_by(policy, size, steps, set.io());
}

TEST(FairScheduler, TheOthersWaitForTheFloodUnlessSharesAreFair) {
  const bench::Lab lab = describe();
  bench::Params size = lab.cases[0].smoke;
  const auto more = [&] {
    bench::Params larger = size;
    larger.set("F", 3 * size["F"]);
    return larger;
  }();
  const Policy by_arrival, fair{.knows_tenants = true};
  // Behind a flood three times as large they wait longer, by about as much; by shares they do not.
  EXPECT_GT(2 * steps_of(lab, more, by_arrival), 3 * steps_of(lab, size, by_arrival));
  EXPECT_EQ(steps_of(lab, more, fair), steps_of(lab, size, fair));
  EXPECT_LT(steps_of(lab, size, fair), steps_of(lab, size, by_arrival));
  // And the whole work takes as many steps, give or take the ends.
  size = lab.cases[1].smoke;
  EXPECT_NEAR(steps_of(lab, size, fair), steps_of(lab, size, by_arrival), 12);
}

TEST(FairScheduler, SomebodyElsesAnswerIsNoticed) {
  const bench::Lab lab = describe();
  bench::Technique swapped = fair_shares();
  swapped.name = "cheat";
  swapped.plan = [](const bench::Params& params) {
    return bench::plan_of([params](const bench::Io& io) {
      fair_shares().plan(params)->run(io, 1);
      const auto logits = io.out<float>(recorded::kLogits);
      const auto half = static_cast<std::ptrdiff_t>(logits.size() / 2);
      std::swap_ranges(logits.begin(), logits.begin() + half, logits.begin() + half);
    });
  };
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, swapped, 3), "");
}

}  // namespace
}  // namespace aisp::labs::ch16::fair_scheduler
