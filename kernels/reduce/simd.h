// What each instruction set's namespace in simd.cc offers to the table in variants.cc.
#pragma once

#include "base/simd_target.h"
#include "kernels/reduce/reduce.h"

namespace aisp::kernels::reduce {

struct SimdFunctions {
  double (*sum)(const float* x, std::size_t count) = nullptr;
  double (*dot)(const float* x, const float* y, std::size_t count) = nullptr;
};

namespace portable {
extern const SimdFunctions kFunctions;
}
#if AISP_X86
namespace avx2 {
extern const SimdFunctions kFunctions;
}
namespace avx512 {
extern const SimdFunctions kFunctions;
}
#endif

}  // namespace aisp::kernels::reduce
