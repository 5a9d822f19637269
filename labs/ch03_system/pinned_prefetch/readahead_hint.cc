// No thread: the kernel is asked for the next block before this one is computed on, and reads it
// into the page cache meanwhile. What is left in the step is a copy out of the cache.
// Source: posix_fadvise(2), POSIX_FADV_WILLNEED.
#include <fcntl.h>

#include "labs/ch03_system/pinned_prefetch/problem.h"

namespace aisp::labs::ch03::pinned_prefetch {

bench::Technique readahead_hint() {
  return {
      .name = "readahead_hint",
      .summary = "ask the kernel for the next block, then compute on this one",
      .threads = 0,
      .blocks = true,
      .plan = [](const bench::Params& p) {
        const Sizes sizes(p);
        return bench::plan_of([sizes, block = allocate_block(sizes),
                               head = std::make_unique<Head>(sizes)](const bench::Io& io) mutable {
          const machine::File file(io.in_path(0), O_RDONLY);
          for (std::int64_t step = 0; step < sizes.blocks; ++step) {
            read_block(io, sizes, file, step, block);
            if (step + 1 < sizes.blocks) {
              // A hint: refused, the next read waits for the disk as inline_load does.
              posix_fadvise(file.descriptor(), static_cast<off_t>(offset_of(io, sizes, step + 1)),
                            static_cast<off_t>(sizes.block_bytes()), POSIX_FADV_WILLNEED);
            }
            head->run(io, step, block.data());
          }
        });
      }};
}

}  // namespace aisp::labs::ch03::pinned_prefetch
