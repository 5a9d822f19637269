// The same loop without the waits: the host runs ahead, but one stream does one thing at a time.
#include "labs/ch11_streams/streams/stages.cuh"

namespace aisp::labs::ch11::streams {

std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params) {
  return plan_dealt(params, 1, params["chunks"]);
}

}  // namespace aisp::labs::ch11::streams
