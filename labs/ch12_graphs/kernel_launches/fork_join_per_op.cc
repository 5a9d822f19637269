// One fork and one join for each operation, with workers that spin for the next: what OpenMP makes
// of a `parallel for` in every operation (llm.c's train_gpt2.c is written so).
#include "labs/ch12_graphs/kernel_launches/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch12::kernel_launches {

bench::Technique fork_join_per_op() {
  return {.name = "fork_join_per_op",
          .summary = "each operation is a parallel loop: a fork and a join of spinning workers",
          .threads = 0,
          .plan = [](const bench::Params& params) {
            auto pool = std::make_unique<machine::ThreadPool>();
            return bench::plan_of(
                [params, ops = program(params), pool = std::move(pool)](const bench::Io& io) {
                  const Step step(params, io);
                  for (const Op& op : ops) {
                    pool->run([&](int worker) { run_slice(step, op, worker, pool->size()); });
                  }
                });
          }};
}

}  // namespace aisp::labs::ch12::kernel_launches
