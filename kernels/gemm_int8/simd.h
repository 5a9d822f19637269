// What each instruction set's namespace in simd.cc and simd_portable.cc offers to variants.cc.
#pragma once

#include "base/simd_target.h"
#include "kernels/gemm_int8/variants.h"

namespace aisp::kernels::gemm_int8 {

/// Fills everything but name, requirement and can_run.
namespace portable {
Variant functions();
}
#if AISP_X86
namespace avx2 {
Variant functions();
}
namespace avx2_vnni {
Variant functions();
}
namespace avx512 {
Variant functions();
}
namespace avx512_vnni {
Variant functions();
}
#endif

}  // namespace aisp::kernels::gemm_int8
