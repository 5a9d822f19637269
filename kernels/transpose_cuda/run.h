// What the device file of this folder offers to the table in variants.cc. Strides are filled in.
#pragma once

#include "kernels/transpose_cuda/transpose.h"

namespace aisp::kernels::transpose_cuda {

void run_registers(const Request& request);
void run_tile(const Request& request);

}  // namespace aisp::kernels::transpose_cuda
