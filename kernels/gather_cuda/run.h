// What the device file of this folder offers to the table in variants.cc.
#pragma once

#include "kernels/gather_cuda/gather.h"

namespace aisp::kernels::gather_cuda {

void run_gather(const Gather& request, int unit_bytes);
void run_scatter_add(const ScatterAdd& request, bool aligned);

}  // namespace aisp::kernels::gather_cuda
