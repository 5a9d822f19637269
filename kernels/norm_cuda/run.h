// What the device files of this folder offer to the table in variants.cc.
#pragma once

#include "kernels/norm_cuda/norm.h"

namespace aisp::kernels::norm_cuda {

void run_bf16(const Request& request, const cuda::RowConfig& config);
void run_f32(const Request& request, const cuda::RowConfig& config);
void run_backward_bf16(const Backward& request, const cuda::RowConfig& config);
void run_backward_f32(const Backward& request, const cuda::RowConfig& config);

}  // namespace aisp::kernels::norm_cuda
