// The step captured as a graph and replayed with one launch. The graph holds the pointers of the
// call that it was captured from, so a call with other buffers captures again and updates it:
// a replay never reads a stale pointer.
#include <array>

#include "labs/ch12_graphs/kernel_launches/step_kernels.cuh"
#include "machine/cuda_graph.h"

namespace aisp::labs::ch12::kernel_launches {
namespace {

using Pointers = std::array<const void*, 9>;

Pointers pointers_of(const Step& s) {
  return {s.x0, s.norm, s.attention, s.down, s.gate, s.up, s.x, s.h, s.g};
}

}  // namespace

std::unique_ptr<bench::Plan> plan_graph_replay(const bench::Params& params) {
  return bench::plan_of([params, ops = program(params), graph = machine::CapturedGraph(),
                         captured = Pointers{}](const bench::Io& io) mutable {
    const Step step(params, io);
    if (pointers_of(step) != captured) {
      graph.capture([&](cudaStream_t stream) {
        for (const Op& op : ops) enqueue(step, op, stream);
      });
      captured = pointers_of(step);
    }
    graph.launch(io.stream());
  });
}

}  // namespace aisp::labs::ch12::kernel_launches
