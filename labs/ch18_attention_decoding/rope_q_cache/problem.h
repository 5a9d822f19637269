// Rotary positions of R rows in L layers: Q turns, K turns and goes with V into the layer's cache.
// Params: L, R (a multiple of 32), H query heads, G KV heads, D head size, T (positions are below).
// Inputs: q [L,R,H,D], k, v [L,R,G,D] f32, as the projections left them; positions [R], neighbours
// that begin at a multiple of 32. Outputs: o [L,R,H,D], Q turned; cache [L, R/32 blocks of the
// engine] bf16 (kernels/paged_attention/layout.h). Pairs are (i, i + D/2), the base is Llama 3's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bench/lab.h"
#include "kernels/paged_attention/paged_attention.h"
#include "kernels/rope/rope.h"

namespace aisp::labs::ch18::rope_q_cache {

enum Input : std::size_t { kQ, kK, kV, kPositions };
enum Output : std::size_t { kO, kCache };

struct Shape {
  explicit Shape(const bench::Params& params);
  std::int64_t layers, rows, heads, kv_heads, size, positions;
  std::int64_t width() const { return heads * size; }
  std::int64_t kv_width() const { return kv_heads * size; }
  std::int64_t block_numbers() const { return 2 * kv_width() * 32; }
  std::vector<double> frequencies() const;  // D / 2
};

/// One layer of a call.
struct Layer {
  const float *q, *k, *v;
  float* o;
  kernels::paged_attention::Cache cache;
};
Layer layer_of(const Shape& shape, const bench::Io& io, std::int64_t index);

/// Q and K of a layer turned by the engine's kernel, then K and V appended by the engine. The
/// kernel turns in place, so Q is copied to the output before, and K to `turned`.
class RotateAndAppend {
 public:
  explicit RotateAndAppend(const Shape& shape);
  void run(const Layer& layer, const kernels::rope::Angles& angles);

 private:
  Shape shape_;
  std::vector<float> turned_;
  std::vector<std::int32_t> blocks_;
  machine::ThreadPool pool_{1};
};

/// Q of a layer, copied and turned.
void turn_q(const Shape& shape, const Layer& layer, const kernels::rope::Angles& angles);

/// Cosines and sines of all positions, and those of a call picked from them.
class Table {
 public:
  explicit Table(const Shape& shape);
  const kernels::rope::Angles& pick(std::span<const std::int32_t> positions);

 private:
  kernels::rope::Angles all_, picked_;
};

bench::Technique angles_each_layer();
bench::Technique angles_each_step();
bench::Technique table();
bench::Technique table_fused_append();

}  // namespace aisp::labs::ch18::rope_q_cache
