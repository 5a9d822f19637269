// A CUDA graph captured from a stream, launched as one. Capturing again with other pointers updates
// the executable graph in place, which is cheaper than instantiating another. Device rooms only
// (.cu files).
//
// Source: CUDA C++ Programming Guide 13.0, "CUDA Graphs"; llama.cpp (ggml-cuda.cu), which captures
// a token's kernels again whenever a pointer changed and calls cudaGraphExecUpdate.
#pragma once

#include <utility>

#include "machine/cuda_raii.h"

namespace aisp::machine {

class CapturedGraph {
 public:
  CapturedGraph() = default;
  CapturedGraph(CapturedGraph&& other) noexcept : exec_(std::exchange(other.exec_, nullptr)) {}
  CapturedGraph& operator=(CapturedGraph&&) = delete;
  ~CapturedGraph() {
    if (exec_ != nullptr) cudaGraphExecDestroy(exec_);
  }

  /// Captures what `enqueue(stream)` puts on a stream. The kernels must be those of the capture
  /// before, in the same order; arguments may differ.
  template <class Enqueue>
  void capture(Enqueue enqueue) {
    const Stream stream;
    AISP_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    enqueue(static_cast<cudaStream_t>(stream));
    cudaGraph_t graph = nullptr;
    AISP_CUDA(cudaStreamEndCapture(stream, &graph));
    cudaError_t status = cudaSuccess;
    if (exec_ == nullptr) {
      status = cudaGraphInstantiate(&exec_, graph, 0);
    } else {
      cudaGraphExecUpdateResultInfo info{};
      status = cudaGraphExecUpdate(exec_, graph, &info);
    }
    cudaGraphDestroy(graph);
    AISP_CUDA(status);
  }

  void launch(cudaStream_t stream) const { AISP_CUDA(cudaGraphLaunch(exec_, stream)); }

 private:
  cudaGraphExec_t exec_ = nullptr;
};

}  // namespace aisp::machine
