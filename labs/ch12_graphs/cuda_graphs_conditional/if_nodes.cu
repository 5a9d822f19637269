// A graph that decides on the device: for each step the check, a kernel that sets the condition,
// and a conditional node whose body is the update. One launch for all steps.
#include "labs/ch12_graphs/cuda_graphs_conditional/step_kernels.cuh"
#include "machine/conditional_graph.cuh"

namespace aisp::labs::ch12::cuda_graphs_conditional {
namespace {

using machine::add_conditional, machine::add_kernel, machine::Conditional, machine::GraphBuilder,
    machine::GraphExec;

__global__ void check_at_kernel(Call* call, int step) {
  check_step(call->gradients + step * call->n, call->n, &call->overflow);
}
__global__ void decide_kernel(Call* call, cudaGraphConditionalHandle apply) {
  cudaGraphSetConditional(apply, call->overflow == 0 ? 1 : 0);
  call->overflow = 0;
}
__global__ void apply_at_kernel(const Call* call, int step) {
  apply_step(call->gradients + step * call->n, call->parameters, call->n);
}

GraphExec build(int steps, unsigned grid, Call* call) {
  const GraphBuilder graph;
  cudaGraphNode_t last = nullptr;
  for (int k = 0; k < steps; ++k) {
    const cudaGraphConditionalHandle apply = graph.handle(0);
    last = add_kernel(graph, last, check_at_kernel, grid, kThreads, call, k);
    last = add_kernel(graph, last, decide_kernel, 1, 1, call, apply);
    const Conditional branch = add_conditional(graph, last, apply, cudaGraphCondTypeIf);
    add_kernel(branch.body, nullptr, apply_at_kernel, grid, kThreads, call, k);
    last = branch.node;
  }
  return GraphExec(graph);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_if_nodes(const bench::Params& params) {
  machine::DeviceArray state(sizeof(Call));
  GraphExec graph =
      build(static_cast<int>(params["steps"]), grid_of(params["n"]), state.as<Call>());
  return bench::plan_of(
      [params, state = std::move(state), graph = std::move(graph)](const bench::Io& io) {
        copy_parameters(io);
        begin_call_kernel<<<1, 1, 0, io.stream()>>>(call_of(params, io), state.as<Call>());
        AISP_CUDA(cudaGetLastError());
        graph.launch(io.stream());
      });
}

}  // namespace aisp::labs::ch12::cuda_graphs_conditional
