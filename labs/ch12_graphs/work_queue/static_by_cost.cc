// Neighbouring tasks again, but cut where the predicted cost (length squared) is equal. Needs a
// cost model; without one it cannot be used, and a core that is slower than the others still delays
// all.
#include "labs/ch12_graphs/work_queue/problem.h"

namespace aisp::labs::ch12::work_queue {
namespace {

double cost(std::int32_t length) { return static_cast<double>(length) * length; }

/// Workers w runs tasks [ends[w - 1], ends[w]): each boundary is the task whose middle lies beyond
/// that share of the total cost.
void cut(std::span<const std::int32_t> lengths, std::vector<std::size_t>& ends) {
  double total = 0.0;
  for (const auto length : lengths) total += cost(length);
  const double share = total / static_cast<double>(ends.size());
  double before = 0.0;
  std::size_t task = 0;
  for (std::size_t w = 0; w < ends.size(); ++w) {
    const double until = share * static_cast<double>(w + 1);
    while (task < lengths.size() && before + 0.5 * cost(lengths[task]) < until) {
      before += cost(lengths[task++]);
    }
    ends[w] = task;
  }
  ends.back() = lengths.size();
}

}  // namespace

bench::Technique static_by_cost() {
  return scheduled("static_by_cost", "neighbouring tasks cut at equal predicted cost",
                   [](const bench::Params&) -> Schedule {
                     return [ends = std::vector<std::size_t>()](const Batch& batch,
                                                                machine::ThreadPool& pool) mutable {
                       ends.resize(static_cast<std::size_t>(pool.size()));
                       cut(batch.lengths, ends);
                       pool.run([&](int worker) {
                         const auto w = static_cast<std::size_t>(worker);
                         for (std::size_t i = w == 0 ? 0 : ends[w - 1]; i < ends[w]; ++i) {
                           run_task(batch, i);
                         }
                       });
                     };
                   });
}

}  // namespace aisp::labs::ch12::work_queue
