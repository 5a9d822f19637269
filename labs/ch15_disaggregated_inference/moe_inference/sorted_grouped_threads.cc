// The same on every core: each takes an expert at a time, so that an expert's weights are read by
// one core only.
#include "labs/ch15_disaggregated_inference/moe_inference/grouped.h"

namespace aisp::labs::ch15::moe_inference {

bench::Technique sorted_grouped_threads() {
  return {.name = "sorted_grouped_threads",
          .summary = "pairs sorted by expert, experts spread over every core",
          .threads = 0,
          .plan = [](const bench::Params& params) { return plan_grouped(params, 0); }};
}

}  // namespace aisp::labs::ch15::moe_inference
