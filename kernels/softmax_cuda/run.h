// What the device files of this folder offer to the table in variants.cc.
#pragma once

#include "kernels/softmax_cuda/softmax.h"

namespace aisp::kernels::softmax_cuda {

void run_block(const Request& request, const cuda::SoftmaxCut& cut);
void run_cluster(const Request& request, const cuda::SoftmaxCut& cut);

}  // namespace aisp::kernels::softmax_cuda
