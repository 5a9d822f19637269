// out[c] = sum over r of x[r][c], f32: the gradient of a bias. Input x[rows][n], output out[n]. The
// rows are cut into `chunks`; a thread walks down one column of one chunk, and a second kernel adds
// the chunks up. All techniques share both but for the loop over the rows.
#pragma once

#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch08::loop_unrolling {

std::unique_ptr<bench::Plan> plan_plain_loop(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_rolled(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_unrolled_8(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_unrolled_16(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_four_sums(const bench::Params& params);

}  // namespace aisp::labs::ch08::loop_unrolling
