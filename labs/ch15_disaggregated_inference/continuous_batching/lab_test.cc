// Every technique is right at smoke and ragged sizes; a request that takes a place too early, with
// its neighbour's keys still in use, would be noticed; who is beside a request changes no bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/verify.h"
#include "labs/ch15_disaggregated_inference/continuous_batching/problem.h"

namespace aisp::labs::ch15::continuous_batching {

bench::Lab describe();

namespace {

TEST(ContinuousBatching, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(ContinuousBatching, TheBatchDoesNotChangeASingleBit) {
  const bench::Lab lab = describe();
  EXPECT_EQ(bench::differing_bits(lab, lab.cases[1].smoke), "");
}

TEST(ContinuousBatching, LengthsDifferAndAreTheSameEachTime) {
  const bench::Params size = describe().cases[1].full;
  const recorded::Shape one = shape_of(size), again = shape_of(size);
  std::int64_t least = 1000, most = 0;
  for (std::size_t r = 0; r < one.requests.size(); ++r) {
    EXPECT_EQ(one.requests[r].tokens(), again.requests[r].tokens());
    least = std::min(least, one.requests[r].answer);
    most = std::max(most, one.requests[r].answer);
  }
  EXPECT_LT(8 * least, most) << "answers of one length would leave nothing to schedule";
}

/// All requests at once, request r in the blocks of place r / `sharing`.
bench::Technique all_at_once(std::int64_t sharing) {
  bench::Technique technique = static_ragged();
  technique.name = "cheat";
  technique.plan = [sharing](const bench::Params& params) {
    return bench::plan_of([sharing, state = std::make_shared<State>(params)](const bench::Io& io) {
      state->steps.begin(io);
      for (std::int64_t step = 0; step < 64; ++step) {
        for (std::int64_t r = 0; r < state->shape.count(); ++r) {
          const recorded::Request& own = state->shape.request(r);
          if (step >= own.answer) continue;
          state->steps.add(r, step == 0 ? 0 : own.prompt + step - 1, step == 0 ? own.prompt : 1,
                           state->blocks(r / sharing));
        }
        state->steps.forward();
      }
    });
  };
  return technique;
}

TEST(ContinuousBatching, ASharedPlaceIsNoticed) {
  const bench::Lab lab = describe();
  const bench::Params size = {{"M", 0}, {"L", 1}, {"V", 260}, {"N", 4}, {"B", 4}};
  EXPECT_EQ(bench::run_and_check(lab, size, all_at_once(1), 3), "");
  EXPECT_NE(bench::run_and_check(lab, size, all_at_once(2), 3), "");
}

}  // namespace
}  // namespace aisp::labs::ch15::continuous_batching
