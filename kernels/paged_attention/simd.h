// What each instruction set's namespace in simd.cc offers to variants.cc.
#pragma once

#include "base/simd_target.h"
#include "kernels/paged_attention/variants.h"

namespace aisp::kernels::paged_attention {

/// Fills everything but name, requirement and can_run.
namespace portable {
Variant functions();
}
#if AISP_X86
namespace avx2 {
Variant functions();
}
namespace avx512_vnni {
Variant functions();
}
#endif

}  // namespace aisp::kernels::paged_attention
