// The copies of a call, one by one on a stream.
#pragma once

#include <cuda_runtime.h>

#include <vector>

#include "labs/ch12_graphs/graph_bandwidth/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch12::graph_bandwidth {

inline void enqueue_copies(const std::vector<Piece>& all, const float* gradients, float* bucket,
                           cudaStream_t stream) {
  for (const Piece& piece : all) {
    AISP_CUDA(cudaMemcpyAsync(bucket + piece.to, gradients + piece.from,
                              4 * static_cast<std::size_t>(piece.count), cudaMemcpyDeviceToDevice,
                              stream));
  }
}

}  // namespace aisp::labs::ch12::graph_bandwidth
