// What the question needs of each request that was taken, in two arrays: eight bytes of a request
// instead of a line of its slot, and four of them in an instruction.
#include <vector>

#include "labs/ch17_routing/early_rejection/problem.h"

namespace aisp::labs::ch17::early_rejection {
namespace {

struct Rows {
  std::vector<float> due;
  std::vector<std::int32_t> tokens;

  std::int32_t ahead(float within) const {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < due.size(); ++i) sum += due[i] <= within ? tokens[i] : 0;
    return sum;
  }
  void take(std::int32_t prompt, float within) {
    due.push_back(within);
    tokens.push_back(prompt);
  }
};

}  // namespace

bench::Technique dense_rows() {
  return {.name = "dense_rows",
          .summary = "dues and tokens of those taken in two arrays",
          .plan = [](const bench::Params& params) {
            Rows empty;
            empty.due.reserve(static_cast<std::size_t>(params["S"]));
            empty.tokens.reserve(static_cast<std::size_t>(params["S"]));
            return bench::plan_of(
                [config = config_of(params), rows = std::move(empty)](const bench::Io& io) mutable {
                  rows.due.clear();
                  rows.tokens.clear();
                  ask_all(
                      config, io, [&](float within) { return rows.ahead(within); },
                      [&](std::int32_t prompt, float within) { rows.take(prompt, within); });
                });
          }};
}

}  // namespace aisp::labs::ch17::early_rejection
