// One counting sort of the pairs by expert, one product for each expert that has tokens, and each
// token's rows added up at the end. One thread.
#include "labs/ch15_disaggregated_inference/moe_inference/grouped.h"

namespace aisp::labs::ch15::moe_inference {

bench::Technique sorted_grouped() {
  return {.name = "sorted_grouped",
          .summary = "pairs sorted by expert, one product for each group",
          .plan = [](const bench::Params& params) { return plan_grouped(params, 1); }};
}

}  // namespace aisp::labs::ch15::moe_inference
