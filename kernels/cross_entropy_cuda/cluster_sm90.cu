// Cross-entropy with a row in a cluster of blocks: 128256 words of bf16 are a quarter of a
// megabyte, the registers of four blocks of 512 threads.
//
// Source: see cross_entropy.h.
#include "kernels/cross_entropy_cuda/loss_work.cuh"
#include "kernels/cross_entropy_cuda/run.h"
#include "kernels/cuda/softmax_cluster.cuh"

namespace aisp::kernels::cross_entropy_cuda {

using cuda::Bf16;

void run_cluster(const Request& r, const cuda::SoftmaxCut& cut) {
  check(r.gradient != nullptr, "cross_entropy: clusters are for rows that are written");
  if (r.type == DType::kBF16) {
    with_gradient<Bf16>(r, [&](const auto& work) {
      cuda::run_softmax_clusters<Bf16>(work, {r.rows, r.ticket}, r.n, cut, r.stream);
    });
  } else {
    with_gradient<float>(r, [&](const auto& work) {
      cuda::run_softmax_clusters<float>(work, {r.rows, r.ticket}, r.n, cut, r.stream);
    });
  }
}

void run_cluster_backward(const Request& r, const float* row_factor, const cuda::SoftmaxCut& cut) {
  if (r.type == DType::kBF16) {
    with_known<Bf16>(r, row_factor, [&](const auto& work) {
      cuda::run_softmax_clusters<Bf16>(work, {r.rows, r.ticket}, r.n, cut, r.stream);
    });
  } else {
    with_known<float>(r, row_factor, [&](const auto& work) {
      cuda::run_softmax_clusters<float>(work, {r.rows, r.ticket}, r.n, cut, r.stream);
    });
  }
}

}  // namespace aisp::kernels::cross_entropy_cuda
