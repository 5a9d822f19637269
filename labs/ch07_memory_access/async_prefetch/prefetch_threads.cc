// prefetch_next on every core, each with a contiguous part of the table.
#include <memory>

#include "labs/ch07_memory_access/async_prefetch/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch07::async_prefetch {
namespace {

// 32 blocks are 256 KB, about 8 us from memory against 1 us for a fork.
constexpr std::int64_t kGrain = 32;

}  // namespace

bench::Technique prefetch_threads() {
  return {.name = "prefetch_threads",
          .summary = "prefetch_next on every core, each with a part of the blocks",
          .threads = 0,
          .plan = [](const bench::Params& params) {
            return bench::plan_of(
                [run = choose_run(machine::cpu()), blocks_each = params["blocks_each"],
                 pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                  const Call all = call_of(io, blocks_each);
                  pool->parallel_for(all.last_block, kGrain,
                                     [&](std::int64_t begin, std::int64_t end) {
                                       Call part = all;
                                       part.first_block = begin;
                                       part.last_block = end;
                                       run(part, Load::kPrefetchNext);
                                     });
                });
          }};
}

}  // namespace aisp::labs::ch07::async_prefetch
