// out = x + y over n floats on a GPU, with accesses of 4, 16 and 32 bytes. Inputs: x[n], y[n].
// Output: out[n]. f32; buffers are 256-byte aligned.
#pragma once

#include "bench/lab.h"

namespace aisp::labs::ch07::float4_vector {

std::unique_ptr<bench::Plan> plan_floats(const bench::Params&);
std::unique_ptr<bench::Plan> plan_float4s(const bench::Params&);
std::unique_ptr<bench::Plan> plan_float8s(const bench::Params&);
std::unique_ptr<bench::Plan> plan_two_float4s(const bench::Params&);

}  // namespace aisp::labs::ch07::float4_vector
