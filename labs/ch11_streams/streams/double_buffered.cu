// Two streams with a buffer each: chunk c + 1 is copied in while chunk c is computed.
#include "labs/ch11_streams/streams/stages.cuh"

namespace aisp::labs::ch11::streams {

std::unique_ptr<bench::Plan> plan_double_buffered(const bench::Params& params) {
  return plan_dealt(params, 2, params["chunks"]);
}

}  // namespace aisp::labs::ch11::streams
