// No launch at all: the caller does everything. What PyTorch does on a CPU below 32,768 elements.
// Source: PyTorch, at::internal::GRAIN_SIZE.
#include "labs/ch12_graphs/kernel_launches/problem.h"

namespace aisp::labs::ch12::kernel_launches {

bench::Technique one_thread() {
  return {.name = "one_thread",
          .summary = "every operation on the calling thread",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([params, ops = program(params)](const bench::Io& io) {
              const Step step(params, io);
              for (const Op& op : ops) run_slice(step, op, 0, 1);
            });
          }};
}

}  // namespace aisp::labs::ch12::kernel_launches
