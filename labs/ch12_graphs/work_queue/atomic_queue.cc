// A shared counter is the queue: whoever is free takes the next task. No cost model, no order; the
// price is one atomic addition (10 to 50 ns when two cores want it) a task.
#include <atomic>

#include "labs/ch12_graphs/work_queue/problem.h"

namespace aisp::labs::ch12::work_queue {

bench::Technique atomic_queue() {
  return scheduled("atomic_queue", "workers take the next task from a shared counter",
                   [](const bench::Params&) -> Schedule {
                     return [](const Batch& batch, machine::ThreadPool& pool) {
                       alignas(64) std::atomic<std::size_t> next{0};
                       pool.run([&](int) {
                         for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) <
                                             batch.lengths.size();) {
                           run_task(batch, i);
                         }
                       });
                     };
                   });
}

}  // namespace aisp::labs::ch12::work_queue
