// A kernel and a temporary for each operation: eager PyTorch's torch.sqrt((s + epsilon) * c). The
// temporaries are made once, as its caching allocator would keep them.
#include "labs/ch12_graphs/kernel_fusion/element_kernel.cuh"
#include "machine/device.h"

namespace aisp::labs::ch12::kernel_fusion {

std::unique_ptr<bench::Plan> plan_three_kernels(const bench::Params& params) {
  const auto n = params["n"];
  const auto bytes = 4 * static_cast<std::size_t>(n);
  return bench::plan_of([n, sum = machine::DeviceArray(bytes),
                         product = machine::DeviceArray(bytes)](const bench::Io& io) {
    launch<Add>(io.in<float>(0).data(), sum.as<float>(), n, io.stream());
    launch<Multiply>(sum.as<float>(), product.as<float>(), n, io.stream());
    launch<Root>(product.as<float>(), io.out<float>(0).data(), n, io.stream());
  });
}

}  // namespace aisp::labs::ch12::kernel_fusion
