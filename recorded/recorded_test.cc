// Requests, turns and steps: what is output, where tokens lie, and that the engine's scheduler and
// steps by hand compute the same, also when the scheduler takes a request's blocks away.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/memory.h"
#include "recorded/server.h"

namespace aisp::recorded {
namespace {

const bench::Params kTiny = {{"M", 0}, {"L", 1}, {"V", 260}};

Shape three_requests(const bench::Params& params) {
  Shape shape(params);
  for (const std::int64_t prompt : {40, 3, 70}) shape.add(prompt, 9, 9);
  return shape;
}

TEST(Recorded, ATurnContinuesTheRequestBefore) {
  Shape shape(kTiny);
  shape.add(5, 2, 2);
  shape.add(7, 3, 1);
  shape.add_turn(4, 2);
  EXPECT_EQ(shape.tokens, 5 + 2 + 7 + 3 + 4 + 2);
  EXPECT_EQ(shape.rows, 2 + 1 + 2);
  EXPECT_EQ(shape.request(2).prompt, 7 + 3 + 4);
  EXPECT_EQ(shape.request(2).first_token, shape.request(1).first_token);
  EXPECT_EQ(shape.request(2).computed, 9);
  EXPECT_EQ(shape.longest, 16);
}

std::vector<float> by_hand(const bench::Lab& lab, bench::InputSet& set) {
  const Shape shape = three_requests(kTiny);
  Steps steps(shape, 9, 80, 3);
  set.poison_outputs(1);
  steps.begin(set.io());
  for (std::int64_t r = 0; r < 3; ++r) {
    const Request& own = shape.request(r);
    steps.add(r, 0, own.prompt, steps.place(r, 3));
    steps.forward();
    for (std::int64_t at = own.prompt; at < own.tokens() - 1; ++at) {
      steps.add(r, at, 1, steps.place(r, 3));
      steps.forward();
    }
    EXPECT_EQ(steps.done(), r == 2);
  }
  EXPECT_EQ(lab.problem(kTiny).outputs[0].shape[0], 27);
  const auto logits = set.io().out<float>(kLogits);
  return {logits.begin(), logits.end()};
}

TEST(Recorded, TheSchedulerComputesTheSameAlsoWithTooFewBlocks) {
  const bench::Lab lab = lab_of(three_requests, {});
  bench::InputSet set(lab.problem(kTiny), "/tmp");
  set.fill(lab, kTiny, 3);
  const std::vector<float> want = by_hand(lab, set);
  const Shape shape = three_requests(kTiny);
  for (const int blocks : {9, 5, 3}) {
    Steps steps(shape, blocks, 80, 3);
    serve::Config config = config_of(shape, 3);
    config.device_blocks = blocks;
    set.poison_outputs(2);
    steps.begin(set.io());
    Server server(steps, config);
    for (std::int64_t r = 0; r < 3; ++r) server.submit(r);
    while (server.step()) {
    }
    EXPECT_TRUE(steps.done()) << blocks;
    EXPECT_TRUE(std::ranges::equal(set.io().out<float>(kLogits), want)) << blocks;
  }
}

}  // namespace
}  // namespace aisp::recorded
