// Cross-entropy with a row in a block, or read twice, and the sums over rows. Any architecture.
//
// Source: see cross_entropy.h.
#include "kernels/cross_entropy_cuda/loss_work.cuh"
#include "kernels/cross_entropy_cuda/run.h"

namespace aisp::kernels::cross_entropy_cuda {
namespace {

using cuda::Bf16;

__global__ void __launch_bounds__(1024)
    count_kernel(const std::int32_t* labels, std::int64_t rows, std::int32_t ignore, float* out) {
  __shared__ cuda::RowReducer::Shared shared;
  cuda::RowReducer reducer(shared);
  float count = 0.0F;  // exact: a thread's share is below 2^24
  for (std::int64_t i = threadIdx.x; i < rows; i += blockDim.x) count += labels[i] != ignore;
  count = reducer.reduce<cuda::Sum>(count);
  if (threadIdx.x == 0) *out = 1.0F / count;
}

__global__ void __launch_bounds__(1024)
    sum_kernel(const float* loss, std::int64_t rows, const float* factor, float* out) {
  __shared__ cuda::RowReducer::Shared shared;
  cuda::RowReducer reducer(shared);
  float sum = 0.0F;
  for (std::int64_t i = threadIdx.x; i < rows; i += blockDim.x) sum += loss[i];
  sum = reducer.reduce<cuda::Sum>(sum);
  if (threadIdx.x == 0) *out = sum * *factor;
}

}  // namespace

void run_block(const Request& r, const cuda::SoftmaxCut& cut) {
  if (r.type == DType::kBF16) {
    with_loss<Bf16>(r, [&](const auto& work) {
      cuda::run_softmax_rows<Bf16>(work, r.rows, r.n, cut, r.stream);
    });
  } else {
    with_loss<float>(r, [&](const auto& work) {
      cuda::run_softmax_rows<float>(work, r.rows, r.n, cut, r.stream);
    });
  }
}

void run_block_backward(const Request& r, const float* row_factor, const cuda::SoftmaxCut& cut) {
  if (r.type == DType::kBF16) {
    with_known<Bf16>(r, row_factor, [&](const auto& work) {
      cuda::run_softmax_rows<Bf16>(work, r.rows, r.n, cut, r.stream);
    });
  } else {
    with_known<float>(r, row_factor, [&](const auto& work) {
      cuda::run_softmax_rows<float>(work, r.rows, r.n, cut, r.stream);
    });
  }
}

void run_inverse_count(const std::int32_t* labels, std::int64_t rows, std::int32_t ignore,
                       float* out, machine::CudaStream stream) {
  count_kernel<<<1, 1024, 0, stream>>>(labels, rows, ignore, out);
  AISP_CUDA(cudaGetLastError());
}

void run_scaled_sum(const float* loss, std::int64_t rows, const float* factor, float* out,
                    machine::CudaStream stream) {
  sum_kernel<<<1, 1024, 0, stream>>>(loss, rows, factor, out);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::kernels::cross_entropy_cuda
