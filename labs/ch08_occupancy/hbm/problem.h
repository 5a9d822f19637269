// y[r] = sum of x's row r, f32. The matrix x[rows][n] is stored row after row, or column after
// column (by_columns = 1: element (r, k) at k * rows + r). Output y[rows].
#pragma once

#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch08::hbm {

std::unique_ptr<bench::Plan> plan_thread_per_row(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_thread_per_row_vectorized(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_warp_per_row(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_warp_per_row_vectorized(const bench::Params& params);

}  // namespace aisp::labs::ch08::hbm
