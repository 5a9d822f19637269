// For each chunk: copy in, compute, copy out, wait. The loop that people write first, and what
// x.to(device), f(x), y.cpu() comes to.
#include "labs/ch11_streams/streams/stages.cuh"

namespace aisp::labs::ch11::streams {

std::unique_ptr<bench::Plan> plan_serial_sync(const bench::Params& params) {
  std::vector<Chunk> all = cut(params["n"], params["chunks"]);
  Slot slot(all[0].count);
  return bench::plan_of([all = std::move(all), slot = std::move(slot)](const bench::Io& io) {
    for (const Chunk& chunk : all) {
      copy_in(io, chunk, slot, io.stream());
      compute(io, chunk, slot, io.stream());
      copy_out(io, chunk, slot, io.stream());
      AISP_CUDA(cudaStreamSynchronize(io.stream()));
    }
  });
}

}  // namespace aisp::labs::ch11::streams
