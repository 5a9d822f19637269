// The occupancy API's answer for one kernel.
//
// Source: CUDA Runtime API 13.0, cudaOccupancyMaxActiveBlocksPerMultiprocessor.
#pragma once

#include "machine/cuda_raii.h"
#include "tune/tunable.h"

namespace aisp::tune {

template <class Kernel>
Occupancy occupancy_of(Kernel kernel, int threads, int dynamic_bytes) {
  cudaFuncAttributes attributes{};
  AISP_CUDA(cudaFuncGetAttributes(&attributes, kernel));
  if (dynamic_bytes > 0) {
    AISP_CUDA(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, dynamic_bytes));
  }
  Occupancy answer;
  answer.threads = threads;
  answer.registers = attributes.numRegs;
  answer.shared_bytes = static_cast<int>(attributes.sharedSizeBytes) + dynamic_bytes;
  answer.local_bytes = static_cast<int>(attributes.localSizeBytes);
  AISP_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&answer.blocks, kernel, threads,
                                                          static_cast<std::size_t>(dynamic_bytes)));
  const int places = machine::cuda_device().threads_per_multiprocessor;
  answer.share = places > 0 ? static_cast<double>(answer.blocks * threads) / places : 0.0;
  return answer;
}

/// Before the first launch with so much dynamic shared memory.
template <class Kernel>
void allow_shared(Kernel kernel, int dynamic_bytes) {
  if (dynamic_bytes == 0) return;
  AISP_CUDA(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, dynamic_bytes));
}

}  // namespace aisp::tune
