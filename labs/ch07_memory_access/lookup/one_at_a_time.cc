// The baseline: one id after the other, each along its chain, as std::unordered_map and every
// textbook do it. The core overlaps what it can: while one chain waits, the next ids are already
// hashed, until a branch is mispredicted at the end of a chain.
#include "labs/ch07_memory_access/lookup/problem.h"

namespace aisp::labs::ch07::lookup {

bench::Technique one_at_a_time() {
  return {.name = "one_at_a_time",
          .summary = "each id along its chain, one after the other",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const Batch batch = batch_of(io);
              for (std::size_t i = 0; i < batch.count; ++i) {
                batch.rows[i] = find_row(batch, batch.ids[i]);
              }
            });
          }};
}

}  // namespace aisp::labs::ch07::lookup
