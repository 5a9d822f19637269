// What each instruction set offers to the table in variants.cc. The caller has asked
// machine::cpu().
#pragma once

#include "base/simd_target.h"
#include "kernels/transpose/transpose.h"

namespace aisp::kernels::transpose {

#if AISP_X86
/// 16 x 16 blocks turned in registers, each pair of load and store for another block.
void run_avx512(const Request& request, const Config& config);
/// 16 x 64 strips turned in registers into a scratch of 9 KB, copied out as whole lines.
void run_avx2(const Request& request, const Config& config);
#endif

}  // namespace aisp::kernels::transpose
