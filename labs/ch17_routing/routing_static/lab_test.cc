// Every technique chooses the same engines; one that starts its turns again for each sixteen is
// noticed.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch17_routing/routing_static/problem.h"

namespace aisp::labs::ch17::routing_static {

bench::Lab describe();

namespace {

TEST(RoutingStatic, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(RoutingStatic, TurnsThatStartAgainAreNoticed) {
  bench::Technique again = two_turns();
  again.name = "cheat";
  again.plan = [](const bench::Params& params) {
    return bench::plan_of([border = static_cast<std::int32_t>(params["E"] - params["L"]),
                           l = static_cast<std::int32_t>(params["L"])](const bench::Io& io) {
      const auto prompts = io.in<std::int32_t>(0);
      std::int32_t large = 0, little = 0;
      for (std::size_t i = 0; i < prompts.size(); ++i) {
        if (i % 16 == 0) large = little = 0;
        const bool is_long = prompts[i] >= kLongTokens;
        io.out<std::int32_t>(0)[i] = is_long ? border + large++ % l : little++ % border;
      }
    });
  };
  const bench::Lab lab = describe();
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, again, 3), "");
}

}  // namespace
}  // namespace aisp::labs::ch17::routing_static
