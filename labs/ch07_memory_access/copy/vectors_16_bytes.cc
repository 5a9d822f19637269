// 16 bytes an access, a float4: SSE2 on x86, NEON on ARM; stores through the caches.
#include "labs/ch07_memory_access/copy/problem.h"

namespace aisp::labs::ch07::copy {

bench::Technique vectors_16_bytes() {
  return one_variant("vectors_16_bytes", "16 bytes at a time, stores through the caches",
                     "portable", kernels::copy::Store::kCached);
}

}  // namespace aisp::labs::ch07::copy
