// The whole step is submitted at once: one fork, in which every worker walks through the list of
// operations and meets the others at a barrier after each. Source: ggml's graph computation
// (ggml_graph_compute_thread), which llama.cpp decodes with.
#include "labs/ch12_graphs/kernel_launches/problem.h"
#include "labs/ch12_graphs/kernel_launches/spin_barrier.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch12::kernel_launches {

bench::Technique one_fork_barriers() {
  return {.name = "one_fork_barriers",
          .summary = "one fork for the step, a spinning barrier after each operation",
          .threads = 0,
          .plan = [](const bench::Params& params) {
            auto pool = std::make_unique<machine::ThreadPool>();
            auto barrier = std::make_unique<SpinBarrier>(pool->size());
            return bench::plan_of([params, ops = program(params), pool = std::move(pool),
                                   barrier = std::move(barrier)](const bench::Io& io) {
              const Step step(params, io);
              pool->run([&](int worker) {
                for (const Op& op : ops) {
                  run_slice(step, op, worker, pool->size());
                  barrier->wait();
                }
              });
            });
          }};
}

}  // namespace aisp::labs::ch12::kernel_launches
