// A 3 x 3 filter over an image, zeros outside:
//   y[r][c] = sum over i, j in {-1, 0, 1} of w[i + 1][j + 1] x[r + i][c + j]
// in tiles of 32 x 128 with their border in shared memory. Techniques differ in how tiles get
// there. Params: rows, cols (a multiple of 4, the copy engine's rule). Inputs x[rows][cols],
// w[3][3]; output y[rows][cols]. f32. GPU only.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch10::tma_2d_pipeline {

std::unique_ptr<bench::Plan> plan_loads_by_threads(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_tile(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_tile_pipeline(const bench::Params& params);

}  // namespace aisp::labs::ch10::tma_2d_pipeline
