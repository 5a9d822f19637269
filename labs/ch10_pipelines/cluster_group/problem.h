// Sums of squares of a few long rows, as for the norm of each of a model's large gradients:
//   out[r] = sum over i < n of x[r][i]^2.
// Too few rows for a block each, so many blocks share a row; how they add up is what the techniques
// differ in. Params: rows, n. Input x[rows][n], output out[rows]. f32. GPU only.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch10::cluster_group {

std::unique_ptr<bench::Plan> plan_atomic_per_element(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_two_pass(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_block_reduction(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_cluster_dsmem(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_cluster_roles(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_cluster_global(const bench::Params& params);

}  // namespace aisp::labs::ch10::cluster_group
