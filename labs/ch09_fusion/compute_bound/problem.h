// y = gelu(x W1^T + b1) W2^T + b2, the MLP of a transformer, all bf16, sums in f32, gelu by tanh.
// x[tokens][width], w1[hidden][width], b1[hidden], w2[width][hidden], b2[width], y[tokens][width].
#pragma once

#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch09::compute_bound {

enum Input : std::size_t { kX, kW1, kB1, kW2, kB2 };

std::unique_ptr<bench::Plan> plan_op_by_op(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_graph_replay(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_fused_epilogues(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_fused_in_wgmma(const bench::Params& params);

/// reference() on the GPU, in double.
void reference_on_device(const bench::Params& p, const bench::Io& io,
                         std::span<const bench::ExpectedOnDevice> outputs);

/// The derivation of the error bound, for both references: the error of a hidden value in units of
/// bf16's roundoff u is at most 1.13 (|g| + |pre|) + |h| (product, bias and gelu round; gelu's
/// slope is at most 1.13), and sums_1 s1 for the f32 sum, s1 = sqrt(sum (x w)^2). These are
/// independent: with S = sqrt(sum (w2 e)^2) the result is off by 6 S (six deviations), sums_2 S,
/// and its own two roundings.
struct Bound {
  double sums_1, sums_2;
};
Bound bound_of(const bench::Params& p);

}  // namespace aisp::labs::ch09::compute_bound
