// The kernels of the operation, listed in every build.
#include "base/check.h"
#include "base/error.h"
#include "kernels/decode_attention_cuda/cuda.h"

namespace aisp::kernels::decode_attention_cuda {

void attend_split(const Request& request);

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all = {
      {"split", why_not, AISP_DEVICE(attend_split)},
  };
  return all;
}

void attend(const Request& request) {
  const std::string reason = why_not(request, machine::cuda_device());
  if (!reason.empty()) throw Error(reason, "decode attention on the device", "see cuda.h");
  check(variants()[0].attend != nullptr, "a device in a build without CUDA");
  variants()[0].attend(request);
}

}  // namespace aisp::kernels::decode_attention_cuda
