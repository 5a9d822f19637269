// cudaMalloc and cudaFree in every step. Both may wait for the device; cudaFree always does.
#include "labs/ch11_streams/stream_ordered/step_kernels.cuh"

namespace aisp::labs::ch11::stream_ordered {

std::unique_ptr<bench::Plan> plan_malloc_per_step(const bench::Params& params) {
  return bench::plan_of([steps = steps_of(params)](const bench::Io& io) {
    for (const Step& step : steps) {
      const machine::DeviceBuffer t(bytes_of(step));
      run_step(io, step, t.as<float>());
    }
  });
}

}  // namespace aisp::labs::ch11::stream_ordered
