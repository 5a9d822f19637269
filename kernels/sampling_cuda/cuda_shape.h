// Sizes that the choice and the kernel agree on.
#pragma once

#include <cstddef>

namespace aisp::kernels::sampling_cuda {

/// Three blocks on a multiprocessor (80 registers a thread), so that some load while others
/// compute. With two of 512 threads the largest of 256 rows of 128256 took 99 us, a third of copy
/// bandwidth.
constexpr int kThreads = 256;
constexpr int kBlocksPerMultiprocessor = 3;
constexpr int kMaxBlocksPerRow = 8;  // the largest cluster that every device grants
/// Slices start at multiples of this many elements: 16-byte pieces of either type.
constexpr int kSliceStep = 16;

constexpr int slice_size(int vocabulary, int blocks) {
  const int even = (vocabulary + blocks - 1) / blocks;
  return (even + kSliceStep - 1) / kSliceStep * kSliceStep;
}
constexpr std::size_t slice_bytes(int vocabulary, int blocks) {
  return static_cast<std::size_t>(slice_size(vocabulary, blocks)) * sizeof(float);
}
/// The exchanges of a group and its list of candidates, beside the slice (cuda_group.cuh).
constexpr std::size_t kExchangeBytes = 8 * 1024;

}  // namespace aisp::kernels::sampling_cuda
