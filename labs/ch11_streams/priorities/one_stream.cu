// Bulk work, then the chain, on one stream: what a program without streams does.
#include "labs/ch11_streams/priorities/jobs.cuh"

namespace aisp::labs::ch11::priorities {

std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params) {
  return bench::plan_of([params, chain = Chain(params)](const bench::Io& io) {
    enqueue_bulk(params, io, io.stream());
    chain.enqueue(io, io.stream());
  });
}

}  // namespace aisp::labs::ch11::priorities
