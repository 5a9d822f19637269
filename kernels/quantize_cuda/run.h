// What the device file of this folder offers to the table in variants.cc.
#pragma once

#include "kernels/quantize_cuda/quantize.h"

namespace aisp::kernels::quantize_cuda {

void run_quantize(const Request& request, bool aligned);
void run_dequantize(const Request& request, bool aligned);

}  // namespace aisp::kernels::quantize_cuda
