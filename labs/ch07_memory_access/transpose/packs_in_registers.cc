// Adapter to kernels/transpose_cuda: a thread transposes a square of 4 x 4 floats in its registers,
// so that both sides are packs of 16 bytes and no shared memory is used; where a side is no whole
// number of packs, the kernel's own tile.
#include "bench/device_technique.h"
#include "kernels/transpose_cuda/transpose.h"
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

bench::Technique packs_in_registers() {
  return bench::on_gpu(
      "packs_in_registers", "4 x 4 floats a thread, turned in registers",
      [](const bench::Params& params) {
        return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
          kernels::transpose_cuda::transpose({.element_bytes = sizeof(float),
                                              .rows = shape.rows,
                                              .cols = shape.cols,
                                              .in = io.in<float>(0).data(),
                                              .out = io.out<float>(0).data(),
                                              .stream = io.stream()});
        });
      },
      [](const machine::CudaDevice& device) {
        return kernels::transpose_cuda::variants()[0].why_not(device);
      });
}

}  // namespace aisp::labs::ch07::transpose
