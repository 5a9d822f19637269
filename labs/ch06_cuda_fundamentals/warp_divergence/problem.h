// Smooth L1 (Huber) loss of box regression, element by element, no reduction:
//   d = pred[i] - target[i];  loss[i] = |d| < 1 ? d*d/2 : |d| - 1/2
// Params: n; spread_percent (100 times the standard deviation of d, which sets how often each side
// is taken); sorted (1: elements ascend in |d|, as hard-example mining leaves them).
// Inputs pred[n], target[n], output loss[n], f32. All techniques agree bit for bit.
#pragma once

#include <cmath>
#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch06::warp_divergence {

/// Pointers of one call.
struct Boxes {
  const float* pred = nullptr;
  const float* target = nullptr;
  float* loss = nullptr;
  std::int64_t n = 0;
};

using Kernel = void (*)(const Boxes&);

std::unique_ptr<bench::Plan> plan_loss(const bench::Params& params, Kernel kernel);

/// Elements [first, n) one by one without a branch: remainders of the vector loops.
void blend_from(const Boxes& boxes, std::int64_t first);

bench::Technique branch();
bench::Technique clipped_minimum();
bench::Technique blend_scalar();
bench::Technique blend_portable();
bench::Technique blend_avx2();
bench::Technique blend_avx512();

// On the GPU.
std::unique_ptr<bench::Plan> plan_branch_a_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_jump_a_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_select_four_a_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_sorted_by_side(const bench::Params&);

}  // namespace aisp::labs::ch06::warp_divergence
