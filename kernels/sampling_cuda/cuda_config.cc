// How many blocks share a row, and whether they keep it.
#include "kernels/sampling_cuda/cuda.h"
#include "kernels/sampling_cuda/cuda_shape.h"

namespace aisp::kernels::sampling_cuda {

Config plain_config() { return {}; }

Config choose_config(const Request& request, const machine::CudaDevice& device) {
  const bool clusters = device.cluster_launch && device.major >= 9;
  const int most = clusters ? kMaxBlocksPerRow : 1;
  const auto bytes = [&](int blocks) { return slice_bytes(request.vocabulary, blocks); };
  // As many as leave 16 logits for each thread, for the sake of few rows; the batch does not
  // matter, because the order of the slices decides which number means which token: a row is drawn
  // alike in any batch.
  int blocks = 1;
  while (blocks < most && slice_size(request.vocabulary, blocks) >= 2 * 16 * kThreads) blocks *= 2;
  if (bytes(blocks) + kExchangeBytes > device.shared_bytes_per_block) return plain_config();
  return {blocks, true, bytes(blocks)};
}

}  // namespace aisp::kernels::sampling_cuda
