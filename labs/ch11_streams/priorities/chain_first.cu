// A stream each, of equal priority, the chain launched first: only its first steps profit.
#include "labs/ch11_streams/priorities/jobs.cuh"

namespace aisp::labs::ch11::priorities {

std::unique_ptr<bench::Plan> plan_chain_first(const bench::Params& params) {
  return plan_pair(params, 0, true);
}

}  // namespace aisp::labs::ch11::priorities
