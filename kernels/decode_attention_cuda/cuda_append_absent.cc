// Appending to the cache in a build without CUDA: there is no device, and callers have asked.
#include "base/check.h"
#include "kernels/decode_attention_cuda/cuda.h"

namespace aisp::kernels::decode_attention_cuda {

void append(const AppendRequest&) { check(false, "without a device there is no cache to write"); }

}  // namespace aisp::kernels::decode_attention_cuda
