// No pipeline: one batch, filled by every core, then used by every core. The other way to keep all
// cores busy, without a second buffer and without a balance to find.
#include <algorithm>

#include "labs/ch03_system/kubernetes/problem.h"

namespace aisp::labs::ch03::kubernetes {
namespace {

constexpr std::int64_t kGrain = 4;  // rows: some 5 us of work against 1 us for a fork

}  // namespace

bench::Technique all_cores_inline() {
  return {.name = "all_cores_inline",
          .summary = "one batch, filled on every core, then used on every core",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            const Sizes sizes(p);
            Batch batch = allocate_batch(sizes);
            std::fill_n(batch.get(), sizes.batch_count(), 0.0f);  // resident
            return bench::plan_of([sizes, batch = std::move(batch),
                                   pool = std::make_unique<machine::ThreadPool>(),
                                   layer = std::make_unique<Layer>(sizes, 0)](const bench::Io& io) {
              for (std::int64_t step = 0; step < sizes.steps; ++step) {
                pool->parallel_for(sizes.batch, kGrain, [&](std::int64_t begin, std::int64_t end) {
                  fill_rows(io, sizes, step, {begin, end}, batch.get());
                });
                layer->run(io, step, batch.get());
              }
            });
          }};
}

}  // namespace aisp::labs::ch03::kubernetes
