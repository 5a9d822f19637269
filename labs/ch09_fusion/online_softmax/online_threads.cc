// The widest online kernel, rows dealt to all cores in contiguous ranges.
#include <vector>

#include "labs/ch09_fusion/online_softmax/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch09::online_softmax {

bench::Technique online_threads() {
  return {.name = "online_threads",
          .summary = "online by blocks in the widest SIMD, rows on every core",
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.cores >= 2 ? "" : "needs 2 cores";
          },
          .plan =
              [](const bench::Params& params) {
                auto pool = std::make_shared<machine::ThreadPool>();
                const std::size_t blocks = block_count(params["n"]);
                auto scratch = std::make_shared<std::vector<std::vector<float>>>(
                    static_cast<std::size_t>(pool->size()), std::vector<float>(blocks));
                const RowKernel kernel = choose_kernels(machine::cpu()).online;
                const auto rows = static_cast<std::size_t>(params["rows"]);
                const auto n = static_cast<std::size_t>(params["n"]);
                return bench::plan_of([=](const bench::Io& io) {
                  const float* x = io.in<float>(0).data();
                  float* y = io.out<float>(0).data();
                  pool->run([&](int worker) {
                    const auto w = static_cast<std::size_t>(worker);
                    const std::size_t workers = scratch->size();
                    for (std::size_t r = rows * w / workers; r < rows * (w + 1) / workers; ++r) {
                      kernel(x + r * n, y + r * n, n, (*scratch)[w].data());
                    }
                  });
                });
              }};
}

}  // namespace aisp::labs::ch09::online_softmax
