// Adapter to kernels/softmax_cuda: the row is read once and kept in the registers of a block, or of
// a cluster of blocks that exchange maxima and sums through each other's shared memory.
#include "bench/device_technique.h"
#include "kernels/softmax_cuda/softmax.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

std::unique_ptr<bench::Plan> plan_row_on_chip(const bench::Params& params) {
  return bench::plan_of([rows = params["rows"], n = params["n"]](const bench::Io& io) {
    kernels::softmax_cuda::softmax({.type = DType::kF32,
                                    .rows = rows,
                                    .n = n,
                                    .x = io.in<float>(0).data(),
                                    .y = io.out<float>(0).data(),
                                    .stream = io.stream()});
  });
}

}  // namespace aisp::labs::ch09::online_softmax
