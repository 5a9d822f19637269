// Softmax with a row in a block, or read twice. Any architecture.
//
// Source: see softmax.h.
#include "kernels/softmax_cuda/run.h"
#include "kernels/softmax_cuda/softmax_work.cuh"

namespace aisp::kernels::softmax_cuda {

void run_block(const Request& r, const cuda::SoftmaxCut& cut) {
  if (r.type == DType::kBF16) {
    cuda::run_softmax_rows<cuda::Bf16>(probabilities<cuda::Bf16>(r), r.rows, r.n, cut, r.stream);
  } else {
    cuda::run_softmax_rows<float>(probabilities<float>(r), r.rows, r.n, cut, r.stream);
  }
}

}  // namespace aisp::kernels::softmax_cuda
