// The baseline with one batch for all steps: what allocating costs, apart from overlap.
#include <algorithm>

#include "labs/ch03_system/kubernetes/problem.h"

namespace aisp::labs::ch03::kubernetes {

bench::Technique reused_buffer() {
  return {.name = "reused_buffer",
          .summary = "the same with one batch that is filled again and again",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            const Sizes sizes(p);
            Batch batch = allocate_batch(sizes);
            std::fill_n(batch.get(), sizes.batch_count(), 0.0f);  // resident
            return bench::plan_of([sizes, batch = std::move(batch),
                                   layer = std::make_unique<Layer>(sizes, 0)](const bench::Io& io) {
              for (std::int64_t step = 0; step < sizes.steps; ++step) {
                fill_rows(io, sizes, step, {0, sizes.batch}, batch.get());
                layer->run(io, step, batch.get());
              }
            });
          }};
}

}  // namespace aisp::labs::ch03::kubernetes
