// One kernel, one thread, a loop over the whole vector: CPU code moved into a kernel. Each pass of
// the loop waits for its loads; 1 of 270336 places for threads (132 multiprocessors x 2048) is
// used.
#include "labs/ch06_cuda_fundamentals/add/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::add {
namespace {

__global__ void add_all(const float* x, const float* y, float* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = x[i] + y[i];
}

}  // namespace

std::unique_ptr<bench::Plan> plan_one_thread(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const Arrays a = arrays_of(io);
    add_all<<<1, 1, 0, io.stream()>>>(a.x, a.y, a.out, a.count);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch06::add
