// Allocation and release in stream order, from the device's default pool as it comes: at the next
// synchronisation it returns what is free to the system, and the next call starts anew.
// Source: CUDA C++ Programming Guide 13.0, "Stream Ordered Memory Allocator".
#include "labs/ch11_streams/stream_ordered/step_kernels.cuh"

namespace aisp::labs::ch11::stream_ordered {

std::unique_ptr<bench::Plan> plan_default_pool(const bench::Params& params) {
  return bench::plan_of([steps = steps_of(params)](const bench::Io& io) {
    for (const Step& step : steps) {
      void* t = nullptr;
      AISP_CUDA(cudaMallocAsync(&t, bytes_of(step), io.stream()));
      run_step(io, step, static_cast<float*>(t));
      AISP_CUDA(cudaFreeAsync(t, io.stream()));
    }
  });
}

}  // namespace aisp::labs::ch11::stream_ordered
