// What the device file of this folder offers to the table in tensors.cc.
#pragma once

#include "kernels/adamw_cuda/adamw.h"

namespace aisp::kernels::adamw_cuda {

void run(const Tensors& tensors, const Step& step);

}  // namespace aisp::kernels::adamw_cuda
