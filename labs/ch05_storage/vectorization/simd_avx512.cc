// Eight 16-lane accumulators, 128 floats in flight: the kernel's AVX-512 variant.
#include "labs/ch05_storage/vectorization/problem.h"

namespace aisp::labs::ch05::vectorization {

bench::Technique simd_avx512() {
  return one_variant("simd_avx512", "eight 16-lane accumulators", "avx512");
}

}  // namespace aisp::labs::ch05::vectorization
