// Column sums of a row-major f32 matrix: out[j] = sum over i of in[i][j]. What the techniques
// share.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch06::bank_conflicts {

struct Shape {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
};

inline Shape shape_of(const bench::Params& params) { return {params["rows"], params["cols"]}; }

bench::Technique column_walk();
bench::Technique conflicting_copy();
bench::Technique padded_copy();
bench::Technique line_strips();
bench::Technique row_order();
bench::Technique row_order_avx2();
bench::Technique row_order_avx512();

// On the GPU.
std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params&);
std::unique_ptr<bench::Plan> plan_shared_tile_padded(const bench::Params&);
std::unique_ptr<bench::Plan> plan_shared_tile_swizzled(const bench::Params&);
std::unique_ptr<bench::Plan> plan_thread_per_column(const bench::Params&);

}  // namespace aisp::labs::ch06::bank_conflicts
