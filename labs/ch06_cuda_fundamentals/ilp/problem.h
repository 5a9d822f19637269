// Many chains of dependent multiply-adds; the chains are independent of each other. Two kinds:
//   kSquareMap: y[i] = x[i] after `steps` times x <- x*x + c[i]. Inputs x[chains], c[chains].
//   kScores: y[i] = q . keys[i], `steps` terms each (attention scores of one query). Inputs
//   q[steps],
//            keys[chains][steps].
// Output: y[chains]. All f32. A technique chooses how many chains are in flight at once.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch06::ilp {

enum Kind : std::int64_t { kSquareMap = 0, kScores = 1 };

/// Pointers of one call, for either kind.
struct Chains {
  const float* start = nullptr;  // x, or q
  const float* step = nullptr;   // c, or keys
  float* y = nullptr;
  std::int64_t chains = 0;
  std::int64_t steps = 0;
};

using Kernel = void (*)(const Chains&);

/// A plan that runs the kernel of the case's kind.
std::unique_ptr<bench::Plan> plan_chains(const bench::Params& params, Kernel square_map,
                                         Kernel scores);

/// One chain after another over [first, chains): the baseline, and every technique's remainder.
void square_map_from(const Chains& work, std::int64_t first);
void scores_from(const Chains& work, std::int64_t first);

bench::Technique dependent_chain();
bench::Technique interleaved_4();
bench::Technique interleaved_8();
bench::Technique simd_avx2();
bench::Technique simd_avx512();

// On the GPU.
std::unique_ptr<bench::Plan> plan_thread_per_chain(const bench::Params&);
std::unique_ptr<bench::Plan> plan_four_chains_a_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_few_warps_one_chain(const bench::Params&);
std::unique_ptr<bench::Plan> plan_few_warps_four_chains(const bench::Params&);

}  // namespace aisp::labs::ch06::ilp
