// Micro-batches dealt to four streams, so that several small grids share the device.
#include "labs/ch10_pipelines/batch/products.cuh"
#include "machine/joined_streams.h"

namespace aisp::labs::ch10::batch {

std::unique_ptr<bench::Plan> plan_micro_batch_streams(const bench::Params& params) {
  return bench::plan_of(
      [params, streams = std::make_unique<machine::JoinedStreams>(4)](const bench::Io& io) {
        streams->fork(io.stream());
        for_each_part(params, [&](std::int64_t part, std::int64_t first, std::int64_t rows) {
          const auto stream = static_cast<std::size_t>(part) % streams->size();
          multiply_rows(params, io, first, rows, (*streams)[stream]);
        });
        streams->join(io.stream());
      });
}

}  // namespace aisp::labs::ch10::batch
