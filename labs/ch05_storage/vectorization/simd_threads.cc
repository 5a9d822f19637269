// The widest kernel on every core. One core cannot draw all of the memory bandwidth; in cache the
// fork and join (about 1 us) is the price.
#include <memory>
#include <vector>

#include "labs/ch05_storage/vectorization/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch05::vectorization {
namespace {

// One partial sum per cache line, so that workers do not share one.
struct alignas(64) Partial {
  float sum = 0.0f;
};
// Ranges begin on a cache line: 16 floats.
constexpr std::size_t kGrain = 16;

struct Team {
  machine::ThreadPool pool;
  std::vector<Partial> partials = std::vector<Partial>(static_cast<std::size_t>(pool.size()));
  SumKernel kernel = choose_kernel(machine::cpu());

  float sum(std::span<const float> x) {
    const auto threads = partials.size();
    const std::size_t blocks = (x.size() + kGrain - 1) / kGrain;
    pool.run([&](int worker) {
      const auto w = static_cast<std::size_t>(worker);
      const std::size_t begin = std::min(x.size(), blocks * w / threads * kGrain);
      const std::size_t end = std::min(x.size(), blocks * (w + 1) / threads * kGrain);
      partials[w].sum = kernel(x.data() + begin, end - begin);
    });
    float total = 0.0f;
    for (const Partial& partial : partials) total += partial.sum;
    return total;
  }
};

}  // namespace

bench::Technique simd_threads() {
  return {.name = "simd_threads",
          .summary = "the widest SIMD kernel on every core",
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.cores >= 2 ? "" : "needs 2 cores";
          },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of([team = std::make_shared<Team>()](const bench::Io& io) {
                  io.out<float>(0)[0] = team->sum(io.in<float>(0));
                });
              }};
}

}  // namespace aisp::labs::ch05::vectorization
