// A stream each, of equal priority, bulk launched first: its waiting blocks are before the chain's.
#include "labs/ch11_streams/priorities/jobs.cuh"

namespace aisp::labs::ch11::priorities {

std::unique_ptr<bench::Plan> plan_two_streams(const bench::Params& params) {
  return plan_pair(params, 0, false);
}

}  // namespace aisp::labs::ch11::priorities
