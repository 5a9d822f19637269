// The same copy with one line of padding: rows 4 KiB + 64 bytes apart walk through all sets of L1.
// This is the padded tile of the GPU, where a row of 33 words spreads a column over all 32 banks.
// Source: CUDA C++ Best Practices Guide, shared memory bank conflicts, the padded tile.
#include "labs/ch06_cuda_fundamentals/bank_conflicts/staged_columns.h"

namespace aisp::labs::ch06::bank_conflicts {

bench::Technique padded_copy() {
  return {.name = "padded_copy",
          .summary = "the same copy, each row padded by one cache line",
          .plan = plan_blocks<1024 + 16>};
}

}  // namespace aisp::labs::ch06::bank_conflicts
