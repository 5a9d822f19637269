// The interleaved lookup on every core, each with a part of the batch.
#include <memory>

#include "labs/ch07_memory_access/lookup/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch07::lookup {
namespace {

// About 10 us of lookups from L3, ten times the cost of a fork; rows of whole lines.
constexpr std::int64_t kGrain = 1024;

}  // namespace

bench::Technique interleaved_threads() {
  return {.name = "interleaved_threads",
          .summary = "the same on every core",
          .threads = 0,
          .plan = [](const bench::Params&) {
            return bench::plan_of(
                [pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                  const Batch batch = batch_of(io);
                  pool->parallel_for(static_cast<std::int64_t>(batch.count), kGrain,
                                     [&](std::int64_t begin, std::int64_t end) {
                                       Batch part = batch;
                                       part.ids += begin;
                                       part.rows += begin;
                                       part.count = static_cast<std::size_t>(end - begin);
                                       find_interleaved(part);
                                     });
                });
          }};
}

}  // namespace aisp::labs::ch07::lookup
