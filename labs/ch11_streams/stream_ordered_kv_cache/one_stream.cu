// Stream order alone: right without any wait, but the link rests while the device computes.
#include "labs/ch11_streams/stream_ordered_kv_cache/layer.cuh"

namespace aisp::labs::ch11::stream_ordered_kv_cache {

std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params) {
  const Sizes s(params);
  return bench::plan_of([s, staging = machine::DeviceArray(s.layer_bytes())](const bench::Io& io) {
    for (std::int64_t layer = 0; layer < s.layers; ++layer) {
      copy_rows(io, s, layer, staging.as<float>(), io.stream());
      update_cache(io, s, layer, staging.as<float>(), io.stream());
      attend(io, s, layer, io.stream());
    }
  });
}

}  // namespace aisp::labs::ch11::stream_ordered_kv_cache
