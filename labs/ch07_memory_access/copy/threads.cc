// The kernel as others call it, on every core: kind of stores and number of threads chosen from the
// size and the caches.
#include <memory>

#include "labs/ch07_memory_access/copy/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch07::copy {

bench::Technique threads() {
  return {.name = "threads",
          .summary = "the kernel's own choice of stores, on as many cores as pay",
          .threads = 0,
          .plan = [](const bench::Params&) {
            return bench::plan_of(
                [pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                  kernels::copy::copy(request_of(io), *pool);
                });
          }};
}

}  // namespace aisp::labs::ch07::copy
