// The same order, without buffers to count: staging is allocated on the copy stream and freed on
// the compute stream behind its last reader, from the device's memory pool. The pool adds the waits
// that reuse needs, and may let more than two layers be on their way. Source: CUDA C++ Programming
// Guide 13.0, "Stream Ordered Memory Allocator".
#include "labs/ch11_streams/stream_ordered_kv_cache/layer.cuh"
#include "machine/joined_streams.h"

namespace aisp::labs::ch11::stream_ordered_kv_cache {

std::unique_ptr<bench::Plan> plan_events_pool(const bench::Params& params) {
  return bench::plan_of(
      [s = Sizes(params), arrived = std::make_unique<machine::Event>(),
       copies = std::make_unique<machine::JoinedStreams>(1)](const bench::Io& io) {
        const cudaStream_t copy = (*copies)[0], compute = io.stream();
        copies->fork(compute);
        for (std::int64_t layer = 0; layer < s.layers; ++layer) {
          void* memory = nullptr;
          AISP_CUDA(cudaMallocAsync(&memory, s.layer_bytes(), copy));
          auto* rows = static_cast<float*>(memory);
          copy_rows(io, s, layer, rows, copy);
          AISP_CUDA(cudaEventRecord(*arrived, copy));
          AISP_CUDA(cudaStreamWaitEvent(compute, *arrived, 0));
          update_cache(io, s, layer, rows, compute);
          AISP_CUDA(cudaFreeAsync(rows, compute));
          attend(io, s, layer, compute);
        }
        copies->join(compute);
      });
}

}  // namespace aisp::labs::ch11::stream_ordered_kv_cache
