// 16 x 16 blocks turned in AVX-512 registers, written through the caches: every load takes a whole
// input line and every store fills a whole output line, but each output line is first read from
// memory to be overwritten.
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

bench::Technique registers_avx512() {
  return one_variant("registers_avx512", "16 x 16 blocks turned in registers, cached stores",
                     "avx512", false);
}

}  // namespace aisp::labs::ch07::transpose
