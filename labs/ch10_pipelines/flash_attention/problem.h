// Causal attention forward, f32: o[h][i] = sum_j softmax_j(q[h][i] . k[g][j] / sqrt(D)) v[g][j]
// over j <= i, where g = h / (heads / kv_heads). Inputs q[heads][T][D], k[kv_heads][T][D], v
// likewise; output o[heads][T][D].
#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch10::flash_attention {

struct Shape {
  std::int64_t heads = 0, kv_heads = 0;
  std::int64_t T = 0;  // tokens
  std::int64_t D = 0;  // head size
};
Shape shape_of(const bench::Params& params);

/// One block of queries of one head.
struct Tile {
  const float* q = nullptr;  // T x D of this head
  const float* k = nullptr;  // T x D of its group
  const float* v = nullptr;
  float* o = nullptr;
  std::int64_t T = 0, D = 0;
  std::int64_t first_query = 0;
};

/// A tiled attention for one instruction set: run() computes queries [first_query, first_query +
/// queries) of a head. `scratch` holds scratch_floats(D) floats, 64-byte aligned.
struct TileKernel {
  std::int64_t queries = 0;
  std::size_t (*scratch_floats)(std::int64_t D) = nullptr;
  void (*run)(const Tile& tile, float* scratch) = nullptr;
};
TileKernel portable_kernel();
TileKernel avx2_kernel();
TileKernel avx512_kernel();
/// The widest of them.
TileKernel choose_kernel(const machine::Cpu& cpu);

/// A plan that runs `kernel` tile after tile on the calling thread.
std::unique_ptr<bench::Plan> plan_tiles(const bench::Params& params, const TileKernel& kernel);

bench::Technique materialized();
bench::Technique tiled_online();
bench::Technique tiled_avx2();
bench::Technique tiled_avx512();
bench::Technique tiled_simd_threads();

}  // namespace aisp::labs::ch10::flash_attention
