// 16 x 16 blocks turned in AVX-512 registers, each line written once without reading it first. The
// kernel's widest variant: loads of the next block between the stores of this one.
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

bench::Technique stream_avx512() {
  return one_variant("stream_avx512",
                     "16 x 16 blocks in registers, whole lines out past the caches", "avx512",
                     true);
}

}  // namespace aisp::labs::ch07::transpose
