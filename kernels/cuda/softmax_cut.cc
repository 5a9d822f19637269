// The choice of softmax_cut.h.
#include "kernels/cuda/softmax_cut.h"

#include <algorithm>

namespace aisp::kernels::cuda {
namespace {

int threads_for(std::int64_t packs) { return static_cast<int>((packs + 31) / 32 * 32); }

SoftmaxCut clustered(std::int64_t rows, std::int64_t packs, int size) {
  SoftmaxCut cut;
  cut.cluster = size;
  cut.row.aligned = true;
  cut.row.packs = packs <= size * 4 * kClusterThreads ? 4 : 16;
  cut.row.threads = kClusterThreads;
  cut.row.blocks = rows * size;
  return cut;
}

}  // namespace

SoftmaxCut choose_softmax_cut(std::int64_t rows, std::int64_t n, int element_bytes, bool aligned,
                              bool writes, const machine::CudaDevice& device) {
  const std::int64_t packs = (n + 16 / element_bytes - 1) / (16 / element_bytes);
  if (aligned && device.cluster_launch && writes) {
    // Long rows: as few blocks as hold one, two from where a block of its own would fill a
    // multiprocessor. Few rows: as many as there are multiprocessors.
    constexpr std::int64_t kMost = 16 * kClusterThreads;
    int size = packs > kMost / 2 ? 2 : 1;
    while (size < 8 && packs > size * kMost) size *= 2;
    while (size < 8 && rows * size * 2 <= device.multiprocessors && packs > size * kMost / 16) {
      size *= 2;
    }
    if (size > 1 && packs <= size * kMost) return clustered(rows, packs, size);
  }
  SoftmaxCut cut;
  cut.held = aligned && n <= (writes ? longest_row(element_bytes) : 16384 / element_bytes);
  if (cut.held) {
    cut.row = choose_row_config(rows, n, element_bytes, true, 4);
    return cut;
  }
  // 256 threads with 4 packs at a time read a vocabulary at 4.36 TB/s, 512 at 4.21.
  cut.row.aligned = aligned;
  cut.row.packs = 4;
  cut.row.threads = std::min(256, threads_for((packs + 3) / 4));
  cut.row.rows_per_block = cut.row.threads == 32 ? 8 : 1;
  cut.row.blocks = (rows + cut.row.rows_per_block - 1) / cut.row.rows_per_block;
  return cut;
}

}  // namespace aisp::kernels::cuda
