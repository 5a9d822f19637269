// cudaMemcpy2DAsync: one call of the runtime for the whole slice.
#include "labs/ch07_memory_access/tma_bulk_tensor_2d/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::tma_bulk_tensor_2d {

std::unique_ptr<bench::Plan> plan_memcpy_2d(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Slice slice = slice_of(io, params);
    const auto bytes = [](std::int64_t floats) {
      return static_cast<std::size_t>(floats) * sizeof(float);
    };
    AISP_CUDA(cudaMemcpy2DAsync(slice.out, bytes(slice.cols), slice.in, bytes(slice.stride),
                                bytes(slice.cols), static_cast<std::size_t>(slice.rows),
                                cudaMemcpyDeviceToDevice, io.stream()));
  });
}

}  // namespace aisp::labs::ch07::tma_bulk_tensor_2d
