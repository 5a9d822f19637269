// The device baseline: cudaMemcpyAsync inside one device, what everybody calls.
#include "labs/ch07_memory_access/copy/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::copy {

std::unique_ptr<bench::Plan> plan_device_memcpy(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const auto request = request_of(io);
    AISP_CUDA(cudaMemcpyAsync(request.to, request.from, request.bytes, cudaMemcpyDeviceToDevice,
                              io.stream()));
  });
}

}  // namespace aisp::labs::ch07::copy
