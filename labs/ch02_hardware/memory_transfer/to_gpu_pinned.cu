// The same bytes from page-locked memory: the copy engine reads them where they are, and the call
// returns at once. Whoever fills the buffer must have allocated it so: a loader's own buffers.
// Source: CUDA C++ Best Practices Guide, 10.1.1 (pinned memory).
#include "labs/ch02_hardware/memory_transfer/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch02::memory_transfer {

std::unique_ptr<bench::Plan> plan_to_gpu_pinned(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const auto in = io.in<float>(kInPinned);
    AISP_CUDA(cudaMemcpyAsync(io.out<float>(0).data(), in.data(), in.size_bytes(),
                              cudaMemcpyHostToDevice, io.stream()));
  });
}

}  // namespace aisp::labs::ch02::memory_transfer
