// The task body, and the frame around every schedule: offsets, pool, plan.
#include <memory>

#include "kernels/simd/vectors.h"
#include "labs/ch12_graphs/work_queue/problem.h"

namespace aisp::labs::ch12::work_queue {
namespace {

using V = kernels::simd::portable::V;

/// Sum over b < n of max(0, a x[b]), in 16 partial sums.
float row_sum(float a, const float* x, std::size_t n) {
  const V::Reg scale = V::set1(a), zero = V::set1(0.0f);
  V::Reg sum[4] = {zero, zero, zero, zero};
  std::size_t b = 0;
  for (; b + 16 <= n; b += 16) {
    for (std::size_t j = 0; j < 4; ++j) {
      sum[j] = V::add(sum[j], V::max(V::mul(scale, V::load(x + b + 4 * j)), zero));
    }
  }
  for (; b < n; b += 4) {
    sum[0] = V::add(sum[0], V::max(V::mul(scale, V::load_partial(x + b, n - b, 0.0f)), zero));
  }
  return V::sum_of_lanes(V::add(V::add(sum[0], sum[1]), V::add(sum[2], sum[3])));
}

struct Team {
  machine::ThreadPool pool;
  std::vector<std::int64_t> offsets;
  Schedule schedule;
};

}  // namespace

void run_task(const Batch& batch, std::size_t task) {
  const float* x = batch.x + batch.offsets[task];
  const auto n = static_cast<std::size_t>(batch.lengths[task]);
  double sum = 0.0;
  for (std::size_t a = 0; a < n; ++a) sum += static_cast<double>(row_sum(x[a], x, a + 1));
  batch.out[task] = static_cast<float>(sum / static_cast<double>(n));
}

bench::Technique scheduled(std::string name, std::string summary,
                           std::function<Schedule(const bench::Params&)> make) {
  return {.name = std::move(name),
          .summary = std::move(summary),
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.cores >= 2 ? "" : "needs 2 cores";
          },
          .plan =
              [make = std::move(make)](const bench::Params& params) {
                auto team = std::make_shared<Team>();
                team->offsets.resize(static_cast<std::size_t>(params["tasks"]));
                team->schedule = make(params);
                return bench::plan_of([team](const bench::Io& io) {
                  const auto lengths = io.in<std::int32_t>(1);
                  std::int64_t offset = 0;
                  for (std::size_t i = 0; i < lengths.size(); ++i) {
                    team->offsets[i] = offset;
                    offset += lengths[i];
                  }
                  team->schedule({.x = io.in<float>(0).data(),
                                  .lengths = lengths,
                                  .offsets = team->offsets,
                                  .out = io.out<float>(0).data()},
                                 team->pool);
                });
              }};
}

}  // namespace aisp::labs::ch12::work_queue
