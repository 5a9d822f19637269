// Building graphs with conditional nodes: RAII for the executable graph, a conditional node after a
// set of nodes, and a kernel node in any graph.
//
// Source: CUDA C++ Programming Guide 13.0, "Conditional Graph Nodes".
#pragma once

#include <cuda_runtime.h>

#include <type_traits>
#include <utility>

#include "machine/cuda_raii.h"

namespace aisp::machine {

/// A graph under construction; instantiate() hands out the executable one.
class GraphBuilder {
 public:
  GraphBuilder() { AISP_CUDA(cudaGraphCreate(&graph_, 0)); }
  ~GraphBuilder() { cudaGraphDestroy(graph_); }
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;
  operator cudaGraph_t() const { return graph_; }

  cudaGraphConditionalHandle handle(unsigned first_value, unsigned flags = 0) const {
    cudaGraphConditionalHandle made{};
    AISP_CUDA(cudaGraphConditionalHandleCreate(&made, graph_, first_value, flags));
    return made;
  }

 private:
  cudaGraph_t graph_ = nullptr;
};

class GraphExec {
 public:
  explicit GraphExec(cudaGraph_t graph) { AISP_CUDA(cudaGraphInstantiate(&exec_, graph, 0)); }
  GraphExec(GraphExec&& other) noexcept : exec_(std::exchange(other.exec_, nullptr)) {}
  GraphExec& operator=(GraphExec&&) = delete;
  ~GraphExec() {
    if (exec_ != nullptr) cudaGraphExecDestroy(exec_);
  }
  void launch(cudaStream_t stream) const { AISP_CUDA(cudaGraphLaunch(exec_, stream)); }

 private:
  cudaGraphExec_t exec_ = nullptr;
};

inline cudaGraphNode_t add_node(cudaGraph_t graph, cudaGraphNode_t after,
                                cudaGraphNodeParams& params) {
  cudaGraphNode_t node{};
#if CUDART_VERSION >= 13000
  AISP_CUDA(cudaGraphAddNode(&node, graph, &after, nullptr, after != nullptr ? 1 : 0, &params));
#else
  AISP_CUDA(cudaGraphAddNode(&node, graph, &after, after != nullptr ? 1 : 0, &params));
#endif
  return node;
}

/// A kernel after `after` (null: at the start). Arguments are copied.
template <class... Args>
cudaGraphNode_t add_kernel(cudaGraph_t graph, cudaGraphNode_t after, void (*kernel)(Args...),
                           unsigned grid, unsigned threads, std::type_identity_t<Args>... args) {
  void* pointers[] = {&args...};
  cudaGraphNodeParams params{};
  params.type = cudaGraphNodeTypeKernel;
  params.kernel.func = reinterpret_cast<void*>(kernel);
  params.kernel.gridDim = dim3(grid);
  params.kernel.blockDim = dim3(threads);
  params.kernel.kernelParams = pointers;
  return add_node(graph, after, params);
}

struct Conditional {
  cudaGraphNode_t node;
  cudaGraph_t body;  // to be filled; owned by the node
};

inline Conditional add_conditional(cudaGraph_t graph, cudaGraphNode_t after,
                                   cudaGraphConditionalHandle handle,
                                   cudaGraphConditionalNodeType type) {
  cudaGraphNodeParams params{};
  params.type = cudaGraphNodeTypeConditional;
  params.conditional.handle = handle;
  params.conditional.type = type;
  params.conditional.size = 1;
  const cudaGraphNode_t node = add_node(graph, after, params);
  return {node, params.conditional.phGraph_out[0]};
}

}  // namespace aisp::machine
