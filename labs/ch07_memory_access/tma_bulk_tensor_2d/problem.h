// A part of a matrix's columns copied into a matrix of its own: in[rows][stride], columns [first,
// first + cols) -> out[rows][cols]. f32. first, cols and stride: multiples of 4 (16 bytes).
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch07::tma_bulk_tensor_2d {

struct Slice {
  const float* in = nullptr;  // at the first column
  float* out = nullptr;
  std::int64_t rows = 0, cols = 0, stride = 0;
};

inline Slice slice_of(const bench::Io& io, const bench::Params& p) {
  return {io.in<float>(0).data() + p["first"], io.out<float>(0).data(), p["rows"], p["cols"],
          p["stride"]};
}

std::unique_ptr<bench::Plan> plan_manual_tile(const bench::Params&);
std::unique_ptr<bench::Plan> plan_direct_float4(const bench::Params&);
std::unique_ptr<bench::Plan> plan_memcpy_2d(const bench::Params&);
std::unique_ptr<bench::Plan> plan_tma_tile(const bench::Params&);
std::unique_ptr<bench::Plan> plan_tma_ring(const bench::Params&);

}  // namespace aisp::labs::ch07::tma_bulk_tensor_2d
