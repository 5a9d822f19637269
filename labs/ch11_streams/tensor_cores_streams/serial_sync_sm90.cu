// For each batch: copy in, multiply, copy out, wait.
#include "labs/ch11_streams/tensor_cores_streams/stages.cuh"

namespace aisp::labs::ch11::tensor_cores_streams {

std::unique_ptr<bench::Plan> plan_serial_sync(const bench::Params& params) {
  return bench::plan_of([params, slot = Slot(params)](const bench::Io& io) {
    const std::int64_t size = rows_of_part(params);
    for (std::int64_t first = 0; first < params["M"]; first += size) {
      enqueue(params, io, first, std::min(size, params["M"] - first), slot, io.stream());
      AISP_CUDA(cudaStreamSynchronize(io.stream()));
    }
  });
}

}  // namespace aisp::labs::ch11::tensor_cores_streams
