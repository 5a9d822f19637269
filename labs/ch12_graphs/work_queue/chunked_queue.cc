// The shared counter, several neighbouring tasks a time: fewer atomic operations, and results of
// neighbours are not written from two cores in turn; but a coarser end.
#include <algorithm>
#include <atomic>

#include "labs/ch12_graphs/work_queue/problem.h"

namespace aisp::labs::ch12::work_queue {
namespace {

// At least 32 grabs a worker, so that the last one costs at most about 3 % of its time if tasks
// were equal; at most 16 tasks (one cache line of results), beyond which an atomic operation of 50
// ns is below 3 % even of tasks of 0.1 us.
std::size_t grain_for(std::size_t tasks, std::size_t workers) {
  return std::clamp<std::size_t>(tasks / (32 * workers), 1, 16);
}

}  // namespace

bench::Technique chunked_queue() {
  return scheduled("chunked_queue", "workers take up to 16 tasks at a time from a shared counter",
                   [](const bench::Params&) -> Schedule {
                     return [](const Batch& batch, machine::ThreadPool& pool) {
                       const std::size_t tasks = batch.lengths.size();
                       const auto grain = grain_for(tasks, static_cast<std::size_t>(pool.size()));
                       alignas(64) std::atomic<std::size_t> next{0};
                       pool.run([&](int) {
                         for (std::size_t begin;
                              (begin = next.fetch_add(grain, std::memory_order_relaxed)) < tasks;) {
                           const std::size_t end = std::min(tasks, begin + grain);
                           for (std::size_t i = begin; i < end; ++i) run_task(batch, i);
                         }
                       });
                     };
                   });
}

}  // namespace aisp::labs::ch12::work_queue
