// Longest first from a shared counter: no giant can be the last task that everybody waits for. The
// order is at most 4/3 of the best possible finish. Sorting is part of the timed work.
// Source: R. Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 17 (1969).
#include <algorithm>
#include <atomic>
#include <numeric>

#include "labs/ch12_graphs/work_queue/problem.h"

namespace aisp::labs::ch12::work_queue {

bench::Technique sorted_queue() {
  return scheduled(
      "sorted_queue", "workers take tasks from a shared counter, longest first",
      [](const bench::Params& params) -> Schedule {
        return [order = std::vector<std::uint32_t>(static_cast<std::size_t>(params["tasks"]))](
                   const Batch& batch, machine::ThreadPool& pool) mutable {
          std::iota(order.begin(), order.end(), 0u);
          std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
            return batch.lengths[a] > batch.lengths[b];
          });
          alignas(64) std::atomic<std::size_t> next{0};
          pool.run([&](int) {
            for (std::size_t i;
                 (i = next.fetch_add(1, std::memory_order_relaxed)) < order.size();) {
              run_task(batch, order[i]);
            }
          });
        };
      });
}

}  // namespace aisp::labs::ch12::work_queue
