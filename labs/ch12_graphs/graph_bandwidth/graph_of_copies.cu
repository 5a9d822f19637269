// The same copies as the nodes of a graph, launched as one; captured again and updated when a call
// brings other buffers. Captured from one stream the nodes form a chain.
#include "labs/ch12_graphs/graph_bandwidth/copies.cuh"
#include "machine/cuda_graph.h"

namespace aisp::labs::ch12::graph_bandwidth {

std::unique_ptr<bench::Plan> plan_graph_of_copies(const bench::Params& params) {
  return bench::plan_of([all = pieces(params), graph = machine::CapturedGraph(),
                         captured =
                             std::pair<const float*, float*>()](const bench::Io& io) mutable {
    const std::pair<const float*, float*> now = {io.in<float>(0).data(), io.out<float>(0).data()};
    if (now != captured) {
      graph.capture(
          [&](cudaStream_t stream) { enqueue_copies(all, now.first, now.second, stream); });
      captured = now;
    }
    graph.launch(io.stream());
  });
}

}  // namespace aisp::labs::ch12::graph_bandwidth
