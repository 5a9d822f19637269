// The baseline: each step allocates its batch, fills it, computes on every core, and frees it. What
// a training loop does whose loader has no workers.
// Source: PyTorch, DataLoader with num_workers=0 (default_collate allocates each batch anew).
#include "labs/ch03_system/kubernetes/problem.h"

namespace aisp::labs::ch03::kubernetes {

bench::Technique allocate_per_step() {
  return {.name = "allocate_per_step",
          .summary = "each step allocates a batch, fills it on one thread, computes on every core",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            const Sizes sizes(p);
            return bench::plan_of(
                [sizes, layer = std::make_unique<Layer>(sizes, 0)](const bench::Io& io) {
                  for (std::int64_t step = 0; step < sizes.steps; ++step) {
                    const Batch batch = allocate_batch(sizes);
                    fill_rows(io, sizes, step, {0, sizes.batch}, batch.get());
                    layer->run(io, step, batch.get());
                  }
                });
          }};
}

}  // namespace aisp::labs::ch03::kubernetes
