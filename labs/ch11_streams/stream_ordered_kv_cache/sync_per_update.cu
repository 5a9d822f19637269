// The host keeps the order: it waits for the copy, for the update and for the attention of a layer
// before it goes on, as code with a synchronize() "to be safe" after each transfer does.
#include "labs/ch11_streams/stream_ordered_kv_cache/layer.cuh"

namespace aisp::labs::ch11::stream_ordered_kv_cache {

std::unique_ptr<bench::Plan> plan_sync_per_update(const bench::Params& params) {
  const Sizes s(params);
  return bench::plan_of([s, staging = machine::DeviceArray(s.layer_bytes())](const bench::Io& io) {
    for (std::int64_t layer = 0; layer < s.layers; ++layer) {
      copy_rows(io, s, layer, staging.as<float>(), io.stream());
      AISP_CUDA(cudaStreamSynchronize(io.stream()));
      update_cache(io, s, layer, staging.as<float>(), io.stream());
      AISP_CUDA(cudaStreamSynchronize(io.stream()));
      attend(io, s, layer, io.stream());
      AISP_CUDA(cudaStreamSynchronize(io.stream()));
    }
  });
}

}  // namespace aisp::labs::ch11::stream_ordered_kv_cache
