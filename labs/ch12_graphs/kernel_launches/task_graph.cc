// The step as a graph, analysed once in the plan and replayed: operations are grouped into stages
// in which no worker reads what another writes, so that a barrier stands only between stages. The
// SwiGLUs depend on nothing here and fill the stages that they fall into.
// Source: the idea of a captured CUDA graph (dependencies known before the launch), with the
// slice-wise dependence test of loop fusion (Kennedy and McKinley, 1993).
#include <span>

#include "labs/ch12_graphs/kernel_launches/problem.h"
#include "labs/ch12_graphs/kernel_launches/spin_barrier.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch12::kernel_launches {
namespace {

/// Position after the last operation of each stage.
std::vector<std::size_t> stage_ends(std::span<const Op> ops) {
  std::vector<std::size_t> ends;
  std::size_t first = 0;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    for (std::size_t before = first; before < i; ++before) {
      if (!crosses_slices(ops[before], ops[i])) continue;
      ends.push_back(i);
      first = i;
      break;
    }
  }
  ends.push_back(ops.size());
  return ends;
}

}  // namespace

bench::Technique task_graph() {
  return {.name = "task_graph",
          .summary = "dependencies found in the plan: barriers only where data change hands",
          .threads = 0,
          .plan = [](const bench::Params& params) {
            auto pool = std::make_unique<machine::ThreadPool>();
            auto barrier = std::make_unique<SpinBarrier>(pool->size());
            const std::vector<Op> ops = program(params);
            return bench::plan_of([params, ops, ends = stage_ends(ops), pool = std::move(pool),
                                   barrier = std::move(barrier)](const bench::Io& io) {
              const Step step(params, io);
              pool->run([&](int worker) {
                std::size_t i = 0;
                for (const std::size_t end : ends) {
                  for (; i < end; ++i) run_slice(step, ops[i], worker, pool->size());
                  if (end < ops.size()) barrier->wait();
                }
              });
            });
          }};
}

}  // namespace aisp::labs::ch12::kernel_launches
