// Those taken by due, each with the sum up to it: a question is a search, and only who is taken
// costs a walk. In a flood nearly everybody is refused.
#include <algorithm>
#include <vector>

#include "labs/ch17_routing/early_rejection/problem.h"

namespace aisp::labs::ch17::early_rejection {
namespace {

struct Sums {
  std::vector<float> due;           // ascending
  std::vector<std::int32_t> up_to;  // tokens of this one and those before

  std::int32_t ahead(float within) const {
    const auto after = std::ranges::upper_bound(due, within);
    return after == due.begin() ? 0 : up_to[static_cast<std::size_t>(after - due.begin() - 1)];
  }
  void take(std::int32_t prompt, float within) {
    const auto place = std::ranges::upper_bound(due, within) - due.begin();
    const std::int32_t before = ahead(within);
    due.insert(due.begin() + place, within);
    up_to.insert(up_to.begin() + place, before);
    for (auto i = static_cast<std::size_t>(place); i < up_to.size(); ++i) up_to[i] += prompt;
  }
};

}  // namespace

bench::Technique sums_by_due() {
  return {.name = "sums_by_due",
          .summary = "those taken by due with running sums: a search for each question",
          .plan = [](const bench::Params& params) {
            Sums empty;
            empty.due.reserve(static_cast<std::size_t>(params["S"]));
            empty.up_to.reserve(static_cast<std::size_t>(params["S"]));
            return bench::plan_of(
                [config = config_of(params), sums = std::move(empty)](const bench::Io& io) mutable {
                  sums.due.clear();
                  sums.up_to.clear();
                  ask_all(
                      config, io, [&](float within) { return sums.ahead(within); },
                      [&](std::int32_t prompt, float within) { sums.take(prompt, within); });
                });
          }};
}

}  // namespace aisp::labs::ch17::early_rejection
