// A graph with a conditional node for each expert: the router's kernel sets the conditions, and the
// experts that nobody chose are not run. One launch, nothing comes back to the host.
#include "labs/ch12_graphs/cuda_graphs_router/expert_kernels.cuh"
#include "machine/conditional_graph.cuh"

namespace aisp::labs::ch12::cuda_graphs_router {
namespace {

using machine::add_conditional, machine::add_kernel, machine::Conditional, machine::GraphBuilder,
    machine::GraphExec;

/// In device memory and written by every call, so that a replay never uses a stale pointer.
struct State {
  Call call;
  Route route;
};
struct Conditions {
  cudaGraphConditionalHandle of[kMostExperts];
};

__global__ void begin_call_kernel(Call call, State* state) { state->call = call; }

__global__ void __launch_bounds__(kThreads) route_and_set_kernel(State* state, Conditions run) {
  route_tokens(state->call, &state->route);
  __syncthreads();
  const int e = static_cast<int>(threadIdx.x);
  if (e >= state->call.experts) return;
  bool chosen = false;
  for (int t = 0; t < state->call.tokens; ++t) chosen = chosen || state->route.expert[t] == e;
  cudaGraphSetConditional(run.of[e], chosen ? 1 : 0);
}
__global__ void __launch_bounds__(kThreads) up_kernel(const State* state, int e) {
  up_for(state->call, &state->route, e);
}
__global__ void __launch_bounds__(kThreads) down_kernel(const State* state, int e) {
  down_for(state->call, &state->route, e);
}

GraphExec build(const bench::Params& p, State* state) {
  const GraphBuilder graph;
  const auto experts = static_cast<int>(p["experts"]);
  Conditions run{};
  for (int e = 0; e < experts; ++e) run.of[e] = graph.handle(0);
  const auto routed = add_kernel(graph, nullptr, route_and_set_kernel, 1, kThreads, state, run);
  for (int e = 0; e < experts; ++e) {  // beside one another: experts do not wait for each other
    const Conditional branch = add_conditional(graph, routed, run.of[e], cudaGraphCondTypeIf);
    const auto up =
        add_kernel(branch.body, nullptr, up_kernel, blocks_for(p["hidden"]), kThreads, state, e);
    add_kernel(branch.body, up, down_kernel, blocks_for(p["width"]), kThreads, state, e);
  }
  return GraphExec(graph);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_if_nodes(const bench::Params& params) {
  machine::DeviceArray state(sizeof(State));
  GraphExec graph = build(params, state.as<State>());
  return bench::plan_of([params, h = machine::DeviceArray(hidden_bytes(params)),
                         state = std::move(state), graph = std::move(graph)](const bench::Io& io) {
    begin_call_kernel<<<1, 1, 0, io.stream()>>>(call_of(params, io, h.as<float>()),
                                                state.as<State>());
    AISP_CUDA(cudaGetLastError());
    graph.launch(io.stream());
  });
}

}  // namespace aisp::labs::ch12::cuda_graphs_router
