// The loop itself on the device: a graph of one loop node whose body is one step, with a
// conditional node inside. Its size does not grow with the number of steps, and the number could be
// data too.
#include "labs/ch12_graphs/cuda_graphs_conditional/step_kernels.cuh"
#include "machine/conditional_graph.cuh"

namespace aisp::labs::ch12::cuda_graphs_conditional {
namespace {

using machine::add_conditional, machine::add_kernel, machine::Conditional, machine::GraphBuilder,
    machine::GraphExec;

__global__ void check_next_kernel(Call* call) {
  check_step(call->gradients + call->step * call->n, call->n, &call->overflow);
}
__global__ void decide_kernel(Call* call, cudaGraphConditionalHandle apply) {
  cudaGraphSetConditional(apply, call->overflow == 0 ? 1 : 0);
  call->overflow = 0;
}
__global__ void apply_next_kernel(const Call* call) {
  apply_step(call->gradients + call->step * call->n, call->parameters, call->n);
}
__global__ void advance_kernel(Call* call, cudaGraphConditionalHandle again) {
  ++call->step;
  cudaGraphSetConditional(again, call->step < call->steps ? 1 : 0);
}

GraphExec build(unsigned grid, Call* call) {
  const GraphBuilder graph;
  // Each launch of the graph starts with the condition true: there is always a first step.
  const auto again = graph.handle(1, cudaGraphCondAssignDefault);
  const auto apply = graph.handle(0);
  const Conditional loop = add_conditional(graph, nullptr, again, cudaGraphCondTypeWhile);
  auto last = add_kernel(loop.body, nullptr, check_next_kernel, grid, kThreads, call);
  last = add_kernel(loop.body, last, decide_kernel, 1, 1, call, apply);
  const Conditional branch = add_conditional(loop.body, last, apply, cudaGraphCondTypeIf);
  add_kernel(branch.body, nullptr, apply_next_kernel, grid, kThreads, call);
  add_kernel(loop.body, branch.node, advance_kernel, 1, 1, call, again);
  return GraphExec(graph);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_while_node(const bench::Params& params) {
  machine::DeviceArray state(sizeof(Call));
  GraphExec graph = build(grid_of(params["n"]), state.as<Call>());
  return bench::plan_of(
      [params, state = std::move(state), graph = std::move(graph)](const bench::Io& io) {
        copy_parameters(io);
        begin_call_kernel<<<1, 1, 0, io.stream()>>>(call_of(params, io), state.as<Call>());
        AISP_CUDA(cudaGetLastError());
        graph.launch(io.stream());
      });
}

}  // namespace aisp::labs::ch12::cuda_graphs_conditional
