// All steps as one graph with memory nodes: allocation and release are nodes, the addresses are
// fixed when it is made, and the steps share the same physical memory. Kernels find the call's
// buffers in device memory, written before each launch, so that a replay never uses a stale
// pointer. Source: CUDA C++ Programming Guide 13.0, "Graph Memory Nodes".
#include "labs/ch11_streams/stream_ordered/step_kernels.cuh"
#include "machine/cuda_graph.h"
#include "machine/device.h"

namespace aisp::labs::ch11::stream_ordered {
namespace {

struct Call {
  const float* x = nullptr;
  float* y = nullptr;
};

__global__ void begin_call_kernel(Call call, Call* state) { *state = call; }
__global__ void square_at_kernel(const Call* call, std::int64_t begin, float* t,
                                 std::int64_t count) {
  square(call->x + begin, t, count);
}
__global__ void multiply_at_kernel(const float* t, const Call* call, std::int64_t begin,
                                   std::int64_t count) {
  multiply(t, call->y + begin, count);
}

void enqueue(const std::vector<Step>& steps, const Call* state, cudaStream_t stream) {
  for (const Step& step : steps) {
    void* memory = nullptr;
    AISP_CUDA(cudaMallocAsync(&memory, bytes_of(step), stream));
    auto* t = static_cast<float*>(memory);
    const unsigned blocks = blocks_of(step.count);
    square_at_kernel<<<blocks, kThreads, 0, stream>>>(state, step.begin, t, step.count);
    multiply_at_kernel<<<blocks, kThreads, 0, stream>>>(t, state, step.begin, step.count);
    AISP_CUDA(cudaGetLastError());
    AISP_CUDA(cudaFreeAsync(t, stream));
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_graph_memory(const bench::Params& params) {
  machine::DeviceArray state(sizeof(Call));
  machine::CapturedGraph graph;
  graph.capture([&](cudaStream_t stream) { enqueue(steps_of(params), state.as<Call>(), stream); });
  return bench::plan_of([state = std::move(state), graph = std::move(graph)](const bench::Io& io) {
    begin_call_kernel<<<1, 1, 0, io.stream()>>>({io.in<float>(0).data(), io.out<float>(0).data()},
                                                state.as<Call>());
    AISP_CUDA(cudaGetLastError());
    graph.launch(io.stream());
  });
}

}  // namespace aisp::labs::ch11::stream_ordered
