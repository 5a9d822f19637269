// The widest tiled kernel on every core. Tiles differ in cost by the number of visible keys, so
// workers take them from a shared counter, the longest first.
#include <atomic>
#include <memory>
#include <vector>

#include "labs/ch10_pipelines/flash_attention/problem.h"
#include "labs/ch10_pipelines/flash_attention/tiles.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch10::flash_attention {
namespace {

struct Team {
  machine::ThreadPool pool;
  std::vector<ScratchFloats> scratch;
};

}  // namespace

bench::Technique tiled_simd_threads() {
  return {.name = "tiled_simd_threads",
          .summary = "the widest tiled kernel on every core, tiles from a shared counter",
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.cores >= 2 ? "" : "needs 2 cores";
          },
          .plan =
              [](const bench::Params& params) {
                const TileKernel kernel = choose_kernel(machine::cpu());
                const Tiles tiles = {shape_of(params), kernel.queries};
                auto team = std::make_shared<Team>();
                for (int w = 0; w < team->pool.size(); ++w) {
                  team->scratch.push_back(make_scratch(kernel.scratch_floats(params["D"])));
                }
                return bench::plan_of([kernel, tiles, team](const bench::Io& io) {
                  std::atomic<std::int64_t> next{0};
                  team->pool.run([&](int worker) {
                    float* scratch = team->scratch[static_cast<std::size_t>(worker)].get();
                    for (std::int64_t t;
                         (t = next.fetch_add(1, std::memory_order_relaxed)) < tiles.count();) {
                      kernel.run(tiles.at(t, io), scratch);
                    }
                  });
                });
              }};
}

}  // namespace aisp::labs::ch10::flash_attention
