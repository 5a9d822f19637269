// 4 chains in flight, in plain C++: the steps of one fill the waiting time of the others. The
// square map keeps each chain's order of operations, so its result is bit-equal to the baseline's.
#include "labs/ch06_cuda_fundamentals/ilp/interleaved.h"

namespace aisp::labs::ch06::ilp {

bench::Technique interleaved_4() {
  return {.name = "interleaved_4",
          .summary = "4 independent chains in flight, plain C++",
          .plan = [](const bench::Params& params) {
            return plan_chains(params, interleaved_square_map<4>, interleaved_scores<4>);
          }};
}

}  // namespace aisp::labs::ch06::ilp
