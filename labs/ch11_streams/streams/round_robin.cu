// Chunks distributed over four streams: three stages can run at once, and the fourth stream keeps
// the copy in busy while another waits for its turn to copy out.
#include "labs/ch11_streams/streams/stages.cuh"

namespace aisp::labs::ch11::streams {

std::unique_ptr<bench::Plan> plan_round_robin(const bench::Params& params) {
  return plan_dealt(params, 4, params["chunks"]);
}

}  // namespace aisp::labs::ch11::streams
