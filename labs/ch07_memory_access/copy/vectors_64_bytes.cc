// 64 bytes an access, a whole line: AVX-512, stores through the caches.
#include "labs/ch07_memory_access/copy/problem.h"

namespace aisp::labs::ch07::copy {

bench::Technique vectors_64_bytes() {
  return one_variant("vectors_64_bytes", "64 bytes at a time, stores through the caches", "avx512",
                     kernels::copy::Store::kCached);
}

}  // namespace aisp::labs::ch07::copy
