// The widest vectors with non-temporal stores: a destination line is not read before it is
// overwritten, a third less traffic, and the source is prefetched 2 KiB ahead. Streams at every
// size, so that the table shows where it loses: the kernel itself would not, below the last cache.
#include "labs/ch07_memory_access/copy/problem.h"

namespace aisp::labs::ch07::copy {

bench::Technique streaming() {
  return {.name = "streaming",
          .summary = "the widest vectors, stores past the caches, prefetch",
          .plan = [](const bench::Params&) {
            return bench::plan_of(
                [run = kernels::copy::widest(machine::cpu()).run](const bench::Io& io) {
                  run(request_of(io), kernels::copy::Store::kStreaming);
                });
          }};
}

}  // namespace aisp::labs::ch07::copy
