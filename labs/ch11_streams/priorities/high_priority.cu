// A stream each, the chain's of the highest priority: whenever a block of the bulk work ends, the
// chain's blocks take its place before waiting bulk blocks do. Running blocks are not interrupted.
#include "labs/ch11_streams/priorities/jobs.cuh"

namespace aisp::labs::ch11::priorities {

std::unique_ptr<bench::Plan> plan_high_priority(const bench::Params& params) {
  return plan_pair(params, machine::JoinedStreams::highest_priority(), false);
}

}  // namespace aisp::labs::ch11::priorities
