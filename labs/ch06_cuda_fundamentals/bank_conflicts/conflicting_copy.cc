// The copy keeps a power-of-two leading dimension (4 KiB): the 4 lines of each of the 64 rows fall
// into the same 4 sets of L1, 64 lines for 8 ways, and the walk misses L1 as before. It still hits
// L2, where 64 rows x 4 lines find room.
#include "labs/ch06_cuda_fundamentals/bank_conflicts/staged_columns.h"

namespace aisp::labs::ch06::bank_conflicts {

bench::Technique conflicting_copy() {
  return {.name = "conflicting_copy",
          .summary = "columns of a blockwise copy whose rows are 4 KiB apart",
          .plan = plan_blocks<1024>};
}

}  // namespace aisp::labs::ch06::bank_conflicts
