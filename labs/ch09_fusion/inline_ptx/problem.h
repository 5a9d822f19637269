// y[r] = scale[r] * sum over k of (q[r][k] - 8) * x[k]: a linear layer with weights of 4 bits for
// one token. q: two to a byte, even k in the low half (kU8, [rows][k / 2]); scale, x, y f32.
#pragma once

#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch09::inline_ptx {

enum Input : std::size_t { kQ, kScale, kX };

std::unique_ptr<bench::Plan> plan_convert(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_magic_number(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_inline_ptx(const bench::Params& params);

}  // namespace aisp::labs::ch09::inline_ptx
