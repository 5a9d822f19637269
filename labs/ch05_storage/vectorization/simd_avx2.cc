// Eight 8-lane accumulators, 64 floats in flight: the kernel's AVX2 variant.
#include "labs/ch05_storage/vectorization/problem.h"

namespace aisp::labs::ch05::vectorization {

bench::Technique simd_avx2() {
  return one_variant("simd_avx2", "eight 8-lane accumulators", "avx2");
}

}  // namespace aisp::labs::ch05::vectorization
