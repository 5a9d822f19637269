// What each instruction set's namespace in simd.cc offers to the table in variants.cc.
#pragma once

#include "base/simd_target.h"
#include "docs/skeleton/kernel/scaled_add.h"

namespace aisp::skeleton::kernel {

using Run = void (*)(float alpha, const Arrays& arrays, const Config& config);

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

}  // namespace aisp::skeleton::kernel
