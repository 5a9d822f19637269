// The router of labs/ch06_cuda_fundamentals/launch_bounds (softmax of 64 logits in one thread's
// registers) under launch bounds: block size, and registers by the blocks that shall fit.
#include <type_traits>

#include "labs/ch06_cuda_fundamentals/launch_bounds/router.cuh"
#include "tune/occupancy.cuh"
#include "tune/points.h"

namespace aisp::tune {
namespace {

namespace lab = labs::ch06::launch_bounds;

template <int kThreads, int kBlocks>
__global__ void __launch_bounds__(kThreads, kBlocks)
    route_tokens(const float* logits, float* gates, std::int64_t tokens) {
  lab::route<kThreads>(logits, gates, tokens);
}

// 512, 1024 and 2048 threads on a multiprocessor: 128, 64 and 32 registers; 0: no such bound.
template <class Use>
void with_router(int threads, int blocks, Use use) {
  const auto bounded = [&](auto fixed) {
    constexpr int kThreads = decltype(fixed)::value;
    if (blocks == 0) use(route_tokens<kThreads, 1>);
    if (blocks == 512 / kThreads) use(route_tokens<kThreads, 512 / kThreads>);
    if (blocks == 1024 / kThreads) use(route_tokens<kThreads, 1024 / kThreads>);
    if (blocks == 2048 / kThreads) use(route_tokens<kThreads, 2048 / kThreads>);
  };
  if (threads == 64) bounded(std::integral_constant<int, 64>{});
  if (threads == 128) bounded(std::integral_constant<int, 128>{});
  if (threads == 256) bounded(std::integral_constant<int, 256>{});
}

}  // namespace

std::unique_ptr<bench::Plan> plan_router(const bench::Params& params, int threads, int blocks) {
  std::unique_ptr<bench::Plan> plan;
  with_router(threads, blocks, [&](auto kernel) {
    plan = lab::plan_router(params, kernel, static_cast<unsigned>(threads));
  });
  return plan;
}

Occupancy occupancy_router(const bench::Params&, int threads, int blocks) {
  Occupancy answer;
  with_router(threads, blocks, [&](auto kernel) { answer = occupancy_of(kernel, threads, 0); });
  return answer;
}

}  // namespace aisp::tune
