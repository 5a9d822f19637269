// AVX2 with staging: strips of 16 columns and 64 rows turned in registers into a padded scratch,
// whole lines copied out of it with non-temporal stores. The kernel's AVX2 variant.
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

bench::Technique staged_stream_avx2() {
  return one_variant("staged_stream_avx2",
                     "registers into a padded scratch, whole lines out past the caches", "avx2",
                     true);
}

}  // namespace aisp::labs::ch07::transpose
