// Copies on one stream, updates and attention on another. Two events a layer keep the order: the
// update waits until the rows have arrived, and the copy of layer l + 2 until the update of layer l
// has read the staging buffer they share.
#include "labs/ch11_streams/stream_ordered_kv_cache/layer.cuh"
#include "machine/joined_streams.h"

namespace aisp::labs::ch11::stream_ordered_kv_cache {
namespace {

struct Staging {
  machine::DeviceArray rows;
  machine::Event arrived, read;
  explicit Staging(std::size_t bytes) : rows(bytes) {}
};

}  // namespace

std::unique_ptr<bench::Plan> plan_events_two_buffers(const bench::Params& params) {
  const Sizes s(params);
  std::vector<std::unique_ptr<Staging>> buffers;
  for (int i = 0; i < 2; ++i) buffers.push_back(std::make_unique<Staging>(s.layer_bytes()));
  return bench::plan_of(
      [s, buffers = std::move(buffers),
       copies = std::make_unique<machine::JoinedStreams>(1)](const bench::Io& io) {
        const cudaStream_t copy = (*copies)[0], compute = io.stream();
        copies->fork(compute);
        for (std::int64_t layer = 0; layer < s.layers; ++layer) {
          const Staging& buffer = *buffers[static_cast<std::size_t>(layer % 2)];
          if (layer >= 2) AISP_CUDA(cudaStreamWaitEvent(copy, buffer.read, 0));
          copy_rows(io, s, layer, buffer.rows.as<float>(), copy);
          AISP_CUDA(cudaEventRecord(buffer.arrived, copy));
          AISP_CUDA(cudaStreamWaitEvent(compute, buffer.arrived, 0));
          update_cache(io, s, layer, buffer.rows.as<float>(), compute);
          AISP_CUDA(cudaEventRecord(buffer.read, compute));
          attend(io, s, layer, compute);
        }
        copies->join(compute);
      });
}

}  // namespace aisp::labs::ch11::stream_ordered_kv_cache
