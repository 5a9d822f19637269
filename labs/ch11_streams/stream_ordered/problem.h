// Steps that each need device memory for a while, of another size each time:
//   t[i] = x[k][i]^2;   y[k][i] = t[i] t[count_k - 1 - i]     for i < count_k
// so that the second kernel needs all of the first one's result. Where t's memory comes from is
// what the techniques differ in. count_k = n (1 + k mod 4) / 4, as requests of four lengths.
// Params: steps, n. Input x, output y: the steps' arrays one after another, f32. GPU only.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"

namespace aisp::labs::ch11::stream_ordered {

struct Step {
  std::int64_t begin = 0, count = 0;
};
std::vector<Step> steps_of(const bench::Params& params);

std::unique_ptr<bench::Plan> plan_malloc_per_step(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_default_pool(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_kept_pool(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_graph_memory(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_workspace(const bench::Params& params);

}  // namespace aisp::labs::ch11::stream_ordered
