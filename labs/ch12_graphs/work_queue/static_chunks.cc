// Every worker gets an equal count of neighbouring tasks, decided before the first one runs: what
// `#pragma omp parallel for` does by default (schedule(static)).
#include "labs/ch12_graphs/work_queue/problem.h"

namespace aisp::labs::ch12::work_queue {

bench::Technique static_chunks() {
  return scheduled("static_chunks", "equal counts of neighbouring tasks, decided in advance",
                   [](const bench::Params&) -> Schedule {
                     return [](const Batch& batch, machine::ThreadPool& pool) {
                       const auto workers = static_cast<std::size_t>(pool.size());
                       const std::size_t tasks = batch.lengths.size();
                       pool.run([&](int worker) {
                         const auto w = static_cast<std::size_t>(worker);
                         const std::size_t end = tasks * (w + 1) / workers;
                         for (std::size_t i = tasks * w / workers; i < end; ++i) {
                           run_task(batch, i);
                         }
                       });
                     };
                   });
}

}  // namespace aisp::labs::ch12::work_queue
