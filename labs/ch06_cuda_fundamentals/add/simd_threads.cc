// The widest vectors on every core, stores chosen by size: what a grid of threads is to the GPU.
#include <memory>

#include "labs/ch06_cuda_fundamentals/add/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch06::add {
namespace {

// Ranges of 384 KiB of traffic, about 3 us of work from L2 and 8 us from memory against 1 us for
// the fork. One token (48 KiB) stays on one core: split as well, it took up to 1000 times as long
// on a machine whose second core was busy.
constexpr std::int64_t kGrain = 32768;

}  // namespace

bench::Technique simd_threads() {
  return {.name = "simd_threads",
          .summary = "the widest vectors on as many cores as pay, stores chosen by size",
          .threads = 0,
          .plan = [](const bench::Params& params) {
            const bool stream =
                beyond_caches(static_cast<std::size_t>(params["n"]), machine::cpu());
            return bench::plan_of(
                [stream, add = choose_add(machine::cpu()),
                 pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                  const Arrays all = arrays_of(io);
                  pool->parallel_for(static_cast<std::int64_t>(all.count), kGrain,
                                     [&](std::int64_t begin, std::int64_t end) {
                                       add({all.x + begin, all.y + begin, all.out + begin,
                                            static_cast<std::size_t>(end - begin)},
                                           stream);
                                     });
                });
          }};
}

}  // namespace aisp::labs::ch06::add
