// What each instruction set's namespace in simd.cc offers to the table in variants.cc.
#pragma once

#include "base/simd_target.h"
#include "kernels/copy/copy.h"

namespace aisp::kernels::copy {

using Run = void (*)(const Request& request, Store store);

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

}  // namespace aisp::kernels::copy
