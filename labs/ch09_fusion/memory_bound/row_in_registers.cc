// Adapter to kernels/norm_cuda: one kernel, a block for each row, which it holds in registers
// between the three loops: 16 bytes a load, every element read once.
#include "bench/device_technique.h"
#include "kernels/norm_cuda/norm.h"
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

std::unique_ptr<bench::Plan> plan_row_in_registers(const bench::Params& params) {
  return bench::plan_of([rows = params["rows"], n = params["n"]](const bench::Io& io) {
    kernels::norm_cuda::normalize({.type = DType::kF32,
                                   .kind = kernels::norm_cuda::Kind::kLayer,
                                   .rows = rows,
                                   .n = n,
                                   .x = io.in<float>(0).data(),
                                   .weight = io.in<float>(1).data(),
                                   .bias = io.in<float>(2).data(),
                                   .y = io.out<float>(0).data(),
                                   .epsilon = kEpsilon,
                                   .stream = io.stream()});
  });
}

}  // namespace aisp::labs::ch09::memory_bound
