// The streaming copy on every core: one core cannot keep enough lines in flight to fill the memory
// channels of a server.
#include <memory>

#include "labs/ch02_hardware/memory_transfer/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch02::memory_transfer {
namespace {

// Ranges in whole pages: no page is written by two cores.
constexpr std::int64_t kGrain = 1024;

}  // namespace

bench::Technique streaming_threads() {
  return {.name = "streaming_threads",
          .summary = "the streaming copy, a contiguous part on each core",
          .threads = 0,
          .plan = [](const bench::Params&) {
            return bench::plan_of(
                [run = kernels::copy::widest(machine::cpu()).run,
                 pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                  const auto in = io.in<float>(0);
                  const auto out = io.out<float>(0);
                  pool->parallel_for(static_cast<std::int64_t>(in.size()), kGrain,
                                     [&](std::int64_t begin, std::int64_t end) {
                                       const auto bytes = static_cast<std::size_t>(end - begin) * 4;
                                       run({out.data() + begin, in.data() + begin, bytes},
                                           kernels::copy::Store::kStreaming);
                                     });
                });
          }};
}

}  // namespace aisp::labs::ch02::memory_transfer
