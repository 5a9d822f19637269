// Guided self-scheduling: take half of a fair share of what remains, so that grabs are few at the
// start and fine at the end. Assumes that tasks are alike: an early grab may hold several giants.
// Source: C. Polychronopoulos and D. Kuck, IEEE Trans. Computers C-36 (1987); OpenMP's
// schedule(guided).
#include <algorithm>
#include <atomic>

#include "labs/ch12_graphs/work_queue/problem.h"

namespace aisp::labs::ch12::work_queue {

bench::Technique guided() {
  return scheduled("guided", "workers take half of a fair share of the remaining tasks",
                   [](const bench::Params&) -> Schedule {
                     return [](const Batch& batch, machine::ThreadPool& pool) {
                       const std::size_t tasks = batch.lengths.size();
                       const std::size_t divisor = 2 * static_cast<std::size_t>(pool.size());
                       alignas(64) std::atomic<std::size_t> next{0};
                       pool.run([&](int) {
                         std::size_t begin = next.load(std::memory_order_relaxed);
                         while (begin < tasks) {
                           const std::size_t end =
                               begin + std::max<std::size_t>(1, (tasks - begin) / divisor);
                           if (!next.compare_exchange_weak(begin, end, std::memory_order_relaxed))
                             continue;
                           for (std::size_t i = begin; i < end; ++i) run_task(batch, i);
                           begin = next.load(std::memory_order_relaxed);
                         }
                       });
                     };
                   });
}

}  // namespace aisp::labs::ch12::work_queue
