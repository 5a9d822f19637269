// The step captured once, on buffers of its own; each call copies its inputs there, replays, and
// copies the results out. This is how PyTorch's torch.cuda.graph is used: the copies are the price
// of pointers that never change.
// Source: PyTorch documentation, "CUDA Graphs" (static input and output tensors).
#include <vector>

#include "labs/ch12_graphs/kernel_launches/step_kernels.cuh"
#include "machine/cuda_graph.h"
#include "machine/device.h"

namespace aisp::labs::ch12::kernel_launches {
namespace {

/// Device memory of the shapes of the problem, as an Io.
struct StaticBuffers {
  std::vector<machine::DeviceArray> memory;
  std::vector<bench::Io::Buffer> inputs, outputs;

  explicit StaticBuffers(const bench::Params& p) {
    const auto layers = p["layers"], width = p["width"], mlp = p["mlp"];
    const auto add = [&](std::vector<bench::Io::Buffer>& to, std::int64_t count) {
      const auto bytes = 4 * static_cast<std::size_t>(count);
      memory.emplace_back(bytes);
      to.push_back({memory.back().as<void>(), bytes, DType::kF32, nullptr});
    };
    for (const auto count :
         {width, 2 * layers * width, layers * width, layers * width, layers * mlp, layers * mlp}) {
      add(inputs, count);
    }
    for (const auto count : {width, 2 * layers * width, layers * mlp}) add(outputs, count);
  }
};

void copy(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
  AISP_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream));
}

}  // namespace

std::unique_ptr<bench::Plan> plan_graph_static_buffers(const bench::Params& params) {
  auto own = std::make_unique<StaticBuffers>(params);
  machine::CapturedGraph graph;
  const Step step(params, bench::Io(own->inputs, own->outputs));
  graph.capture([&](cudaStream_t stream) {
    for (const Op& op : program(params)) enqueue(step, op, stream);
  });
  return bench::plan_of([own = std::move(own), graph = std::move(graph)](const bench::Io& io) {
    for (std::size_t i = 0; i < own->inputs.size(); ++i) {
      const bench::Io::Buffer& to = own->inputs[i];
      copy(to.data, io.in<float>(i).data(), to.bytes, io.stream());
    }
    graph.launch(io.stream());
    for (std::size_t o = 0; o < own->outputs.size(); ++o) {
      const bench::Io::Buffer& from = own->outputs[o];
      copy(io.out<float>(o).data(), from.data, from.bytes, io.stream());
    }
  });
}

}  // namespace aisp::labs::ch12::kernel_launches
