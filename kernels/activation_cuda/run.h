// What the device file of this folder offers to the table in variants.cc.
#pragma once

#include "kernels/activation_cuda/activation.h"

namespace aisp::kernels::activation_cuda {

void run(const Request& request, bool aligned);
void run_backward(const Request& request, const void* dout, void* da, void* db, bool aligned);

}  // namespace aisp::kernels::activation_cuda
