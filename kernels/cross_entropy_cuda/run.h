// What the device files of this folder offer to the table in variants.cc.
#pragma once

#include "kernels/cross_entropy_cuda/cross_entropy.h"

namespace aisp::kernels::cross_entropy_cuda {

void run_block(const Request& request, const cuda::SoftmaxCut& cut);
void run_block_backward(const Request& request, const float* row_factor,
                        const cuda::SoftmaxCut& cut);
void run_cluster(const Request& request, const cuda::SoftmaxCut& cut);
void run_cluster_backward(const Request& request, const float* row_factor,
                          const cuda::SoftmaxCut& cut);
void run_inverse_count(const std::int32_t* labels, std::int64_t rows, std::int32_t ignore,
                       float* out, machine::CudaStream stream);
void run_scaled_sum(const float* loss, std::int64_t rows, const float* factor, float* out,
                    machine::CudaStream stream);

}  // namespace aisp::kernels::cross_entropy_cuda
