// What each instruction set's namespace in simd.cc and simd_portable.cc offers to variants.cc.
#pragma once

#include "base/simd_target.h"
#include "kernels/linear/variants.h"

namespace aisp::kernels::linear {

/// Fills everything but name, requirement and can_run.
namespace portable {
Variant functions();
}
#if AISP_X86
namespace avx2 {
Variant functions();
}
namespace avx_vnni {
Variant functions();
}
namespace avx512_vnni {
Variant functions();
}
#endif

}  // namespace aisp::kernels::linear
