// y = W x for one token, W[rows][cols] kept twice with the same values: in f32 and in bf16. Every
// weight is a bf16 number, so the products are the same and only the bytes differ.
// Inputs: w f32 and w_bf16 [rows][cols], x f32 [cols]. Output: y f32 [rows]. cols: a multiple of 8.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch06::quantization_ilp {

enum Input : std::size_t { kF32, kBf16, kX };

struct Shape {
  std::int64_t rows = 0, cols = 0;
};
inline Shape shape_of(const bench::Params& p) { return {p["rows"], p["cols"]}; }

std::unique_ptr<bench::Plan> plan_weights_f32(const bench::Params&);
std::unique_ptr<bench::Plan> plan_weights_f32_in_flight(const bench::Params&);
std::unique_ptr<bench::Plan> plan_weights_bf16(const bench::Params&);
std::unique_ptr<bench::Plan> plan_weights_bf16_in_flight(const bench::Params&);

}  // namespace aisp::labs::ch06::quantization_ilp
