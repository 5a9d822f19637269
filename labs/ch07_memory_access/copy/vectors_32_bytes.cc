// 32 bytes an access: AVX2, stores through the caches.
#include "labs/ch07_memory_access/copy/problem.h"

namespace aisp::labs::ch07::copy {

bench::Technique vectors_32_bytes() {
  return one_variant("vectors_32_bytes", "32 bytes at a time, stores through the caches", "avx2",
                     kernels::copy::Store::kCached);
}

}  // namespace aisp::labs::ch07::copy
