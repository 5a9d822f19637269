// What each instruction set's namespace in simd.cc offers to the table in variants.cc.
#pragma once

#include "base/simd_target.h"
#include "kernels/softmax/softmax.h"

namespace aisp::kernels::softmax {

using Run = void (*)(const Rows& rows, const Config& config);

namespace portable {
extern const Run kRun;
}
#if AISP_X86
namespace avx2 {
extern const Run kRun;
}
namespace avx512 {
extern const Run kRun;
}
#endif

}  // namespace aisp::kernels::softmax
