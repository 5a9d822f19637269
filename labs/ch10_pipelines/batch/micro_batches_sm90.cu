// A product for each micro-batch as it comes: each reads all the weights.
#include "labs/ch10_pipelines/batch/products.cuh"

namespace aisp::labs::ch10::batch {

std::unique_ptr<bench::Plan> plan_micro_batches(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    for_each_part(params, [&](std::int64_t, std::int64_t first, std::int64_t rows) {
      multiply_rows(params, io, first, rows, io.stream());
    });
  });
}

}  // namespace aisp::labs::ch10::batch
