// What each instruction set's namespace in simd.cc offers to the table in variants.cc.
#pragma once

#include "base/simd_target.h"
#include "kernels/gemm/variants.h"

namespace aisp::kernels::gemm {

struct SimdFunctions {
  TileSize tile;
  void (*pack_a)(std::int64_t m, std::int64_t k, const float* a, std::int64_t stride, float* to);
  void (*pack_b)(std::int64_t k, std::int64_t n, const float* b, std::int64_t stride, float* to);
  void (*block)(const Block& block);
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

}  // namespace aisp::kernels::gemm
