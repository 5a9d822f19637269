// The points of swiglu.cu: block size and unrolling, and at one of them shared memory as ballast.
#include "tune/points.h"

namespace aisp::tune {

Tunable swiglu() {
  Tunable kernel{.name = "swiglu",
                 .summary = "SwiGLU of an MLP, f32: memory-bound, few registers",
                 .lab = "ch08:occupancy_tuning",
                 .case_name = "llama3_8b_swiglu"};
  const auto add = [&](int threads, int unroll, int shared_kib) {
    Point point{.knobs = {{"threads", threads}, {"unroll", unroll}, {"shared_kib", shared_kib}}};
    point.plan = with(AISP_DEVICE(plan_swiglu), threads, unroll, shared_kib << 10);
    point.occupancy = with(AISP_DEVICE(occupancy_swiglu), threads, unroll, shared_kib << 10);
    kernel.points.push_back(std::move(point));
  };
  for (const int unroll : {1, 2, 4}) {
    for (const int threads : {64, 128, 256, 512, 1024}) {
      if (threads == 128 && unroll == 1) kernel.shipped = kernel.points.size();
      add(threads, unroll, 0);
    }
  }
  // 56 KiB leave four blocks of 256 threads on a multiprocessor of 228 KiB, 112 KiB two.
  for (const int shared_kib : {36, 56, 112, 200}) add(256, 4, shared_kib);
  return kernel;
}

}  // namespace aisp::tune
