// The kernel as others call it, on every core, each with its own range of columns, so that each
// writes rows of its own and no line is shared.
#include <memory>

#include "labs/ch07_memory_access/transpose/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch07::transpose {

bench::Technique stream_threads() {
  return {.name = "stream_threads",
          .summary = "the kernel's own choice, on as many cores as pay",
          .threads = 0,
          .plan = [](const bench::Params& params) {
            return bench::plan_of(
                [shape = shape_of(params),
                 pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                  kernels::transpose::transpose(request_of(io, shape), *pool);
                });
          }};
}

}  // namespace aisp::labs::ch07::transpose
