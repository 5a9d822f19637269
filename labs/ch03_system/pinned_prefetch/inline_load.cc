// The baseline: read a block, then compute on it, then read the next: the disk rests while the
// cores work, and the cores rest while the disk works. The buffer is kept from step to step.
// Source: PyTorch, DataLoader with num_workers=0; any loop over np.fromfile().
#include <fcntl.h>

#include "labs/ch03_system/pinned_prefetch/problem.h"

namespace aisp::labs::ch03::pinned_prefetch {

bench::Technique inline_load() {
  return {
      .name = "inline_load",
      .summary = "read a block, compute on it, read the next",
      .threads = 0,
      .blocks = true,
      .plan = [](const bench::Params& p) {
        const Sizes sizes(p);
        return bench::plan_of([sizes, block = allocate_block(sizes),
                               head = std::make_unique<Head>(sizes)](const bench::Io& io) mutable {
          const machine::File file(io.in_path(0), O_RDONLY);
          for (std::int64_t step = 0; step < sizes.blocks; ++step) {
            read_block(io, sizes, file, step, block);
            head->run(io, step, block.data());
          }
        });
      }};
}

}  // namespace aisp::labs::ch03::pinned_prefetch
