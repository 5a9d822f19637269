// Resident memory written with AVX-512 non-temporal stores: the destination is not read before it
// is overwritten, which saves a third of the traffic, and the caches keep what they held. A variant
// of the copy kernel.
#include "labs/ch02_hardware/memory_transfer/problem.h"

namespace aisp::labs::ch02::memory_transfer {

bench::Technique streaming_avx512() {
  return streaming("streaming_avx512", "64-byte non-temporal stores into mapped memory", "avx512");
}

}  // namespace aisp::labs::ch02::memory_transfer
