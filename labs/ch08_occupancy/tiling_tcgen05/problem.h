// C[M,N] = A[M,K] B in f16, sums in f32, where B is stored [K,N]: a plain a @ b. B_transposed is
// the same matrix stored [N,K], for the technique whose loader knew the kernel.
#pragma once

#include <memory>

#include "bench/matmul_narrow.h"

namespace aisp::labs::ch08::tiling_tcgen05 {

enum Input : std::size_t { kA, kB, kBTransposed };

std::unique_ptr<bench::Plan> plan_transposed_inside(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_transposed_first(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_read_as_it_lies(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_pre_laid_out(const bench::Params& params);

}  // namespace aisp::labs::ch08::tiling_tcgen05
