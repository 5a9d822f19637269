// C[M,N] = A[M,K] B[K,N] in f32 on one thread, with one kernel (kernels/gemm) and three ways to
// choose its blocking: what is copied into tile order, and the sizes of blocks. Contract:
// bench/matmul_problem.h. A blocking is chosen in the plan, where only the shape is known.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "bench/matmul_problem.h"
#include "kernels/gemm/gemm.h"

namespace aisp::labs::ch06::autotuning {

using kernels::gemm::Config;
using kernels::gemm::Shape;

Shape shape_of(const bench::Params& params);

/// The product with a given blocking, one thread.
std::unique_ptr<bench::Plan> plan_with(const bench::Params& params, const Config& config);

/// Blockings worth timing for a shape: the model's first, then the model's with each part replaced,
/// and the fixed one. Pure; no duplicates.
std::vector<Config> candidates(const Shape& shape, const machine::Cpu& cpu);

/// The fixed blocking of fixed_blocking.cc and the model's of model_blocking.cc.
Config fixed_config(const Shape& shape);
Config model_config(const Shape& shape, const machine::Cpu& cpu);

struct Score {
  Config config;
  double seconds = 0.0;  // the shortest of its trials
};

/// Times every candidate with `seconds_of` until each has had `trials` turns, one turn each in
/// every round, so that a disturbance hits all alike.
std::vector<Score> score(std::span<const Config> configs, int trials,
                         const std::function<double(const Config&)>& seconds_of);

/// The first of the scores (the model's) unless another is more than 2 % quicker: below that, the
/// choice would follow the noise.
const Config& choose(std::span<const Score> scores);

/// Scores of all candidates on inputs of its own: random numbers, because a plan sees none. About
/// 0.3 s at the largest size of the lab.
std::vector<Score> tune(const bench::Params& params);

bench::Technique fixed_blocking();
bench::Technique model_blocking();
bench::Technique timed_blocking();
bench::Technique onednn();

}  // namespace aisp::labs::ch06::autotuning
