// The kernels of the operation, listed in every build.
#include "base/check.h"
#include "base/error.h"
#include "kernels/sampling_cuda/cuda.h"

namespace aisp::kernels::sampling_cuda {

void sample_chosen(const Request& request);
void sample_reread(const Request& request);

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all = {
      {"cluster", [](const machine::CudaDevice& device) { return device.needs(9); },
       AISP_DEVICE(sample_chosen)},
      {"reread", [](const machine::CudaDevice& device) { return device.needs(8); },
       AISP_DEVICE(sample_reread)},
  };
  return all;
}

void sample(const Request& request) {
  const std::string reason = machine::cuda_device().needs(8);
  if (!reason.empty()) throw Error(reason, "sampling on the device", "see cuda.h");
  check(variants()[0].run != nullptr, "a device in a build without CUDA");
  variants()[0].run(request);  // without clusters it chooses one block for a row
}

}  // namespace aisp::kernels::sampling_cuda
