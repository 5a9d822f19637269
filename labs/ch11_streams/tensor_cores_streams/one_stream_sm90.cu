// The same on one stream without waits of the host.
#include "labs/ch11_streams/tensor_cores_streams/stages.cuh"

namespace aisp::labs::ch11::tensor_cores_streams {

std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params) {
  return plan_dealt(params, 1);
}

}  // namespace aisp::labs::ch11::tensor_cores_streams
