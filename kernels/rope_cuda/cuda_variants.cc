// The kernels of the operation, listed in every build.
#include "base/check.h"
#include "base/error.h"
#include "kernels/rope_cuda/cuda.h"

namespace aisp::kernels::rope_cuda {

void rotate_in_place(const Request& request);

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all = {
      {"computed", why_not, AISP_DEVICE(rotate_in_place)},
  };
  return all;
}

void rotate(const Request& request) {
  const std::string reason = why_not(request, machine::cuda_device());
  if (!reason.empty()) throw Error(reason, "rotary embedding on the device", "see cuda.h");
  check(variants()[0].run != nullptr, "a device in a build without CUDA");
  variants()[0].run(request);
}

}  // namespace aisp::kernels::rope_cuda
