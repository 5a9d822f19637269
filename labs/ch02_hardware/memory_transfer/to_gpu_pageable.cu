// The device baseline: cudaMemcpyAsync from ordinary memory, as tensor.to("cuda") does. The pages
// may move, so the driver copies piece by piece into pinned buffers of its own while the caller
// waits: the call is not asynchronous.
// Source: CUDA Runtime API 13.0, "API synchronization behavior".
#include "labs/ch02_hardware/memory_transfer/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch02::memory_transfer {

std::unique_ptr<bench::Plan> plan_to_gpu_pageable(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const auto in = io.in<float>(kIn);
    AISP_CUDA(cudaMemcpyAsync(io.out<float>(0).data(), in.data(), in.size_bytes(),
                              cudaMemcpyHostToDevice, io.stream()));
  });
}

}  // namespace aisp::labs::ch02::memory_transfer
