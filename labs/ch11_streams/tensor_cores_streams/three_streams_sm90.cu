// Batches dealt to three streams: one is copied in, one multiplied, one copied out.
#include "labs/ch11_streams/tensor_cores_streams/stages.cuh"

namespace aisp::labs::ch11::tensor_cores_streams {

std::unique_ptr<bench::Plan> plan_three_streams(const bench::Params& params) {
  return plan_dealt(params, 3);
}

}  // namespace aisp::labs::ch11::tensor_cores_streams
