// Softmax with a row in a cluster of blocks: rows longer than a block's registers, or few rows.
//
// Source: see softmax.h.
#include "kernels/cuda/softmax_cluster.cuh"
#include "kernels/softmax_cuda/run.h"
#include "kernels/softmax_cuda/softmax_work.cuh"

namespace aisp::kernels::softmax_cuda {

void run_cluster(const Request& r, const cuda::SoftmaxCut& cut) {
  if (r.type == DType::kBF16) {
    cuda::run_softmax_clusters<cuda::Bf16>(probabilities<cuda::Bf16>(r), {r.rows, r.ticket}, r.n,
                                           cut, r.stream);
  } else {
    cuda::run_softmax_clusters<float>(probabilities<float>(r), {r.rows, r.ticket}, r.n, cut,
                                      r.stream);
  }
}

}  // namespace aisp::kernels::softmax_cuda
