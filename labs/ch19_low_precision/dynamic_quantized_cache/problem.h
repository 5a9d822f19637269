// A cache that grows while it is read: the K and V of a prompt of P tokens are appended, then S
// tokens are generated, each of which appends its own and attends to all. Params: P, S, H query
// heads, G KV heads, D head size. Inputs, f32: k, v [P+S,G,D]; q [S,H,D]. Output: o [S,H,D].
// Techniques differ in what the cache holds: f32, bf16, or 8 bits with a scale for each head of
// each token, made as it is appended. K has channels that are ten times larger than the others, as
// models have. The cache is memory of the plan; its blocks are taken in disorder.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"
#include "kernels/eager_attention/eager_attention.h"
#include "kernels/eager_attention/scatter.h"
#include "machine/crew.h"

namespace aisp::labs::ch19::dynamic_quantized_cache {

enum Input : std::size_t { kK, kV, kQ };
enum Output : std::size_t { kO };

struct Shape {
  explicit Shape(const bench::Params& params);
  std::int64_t prompt, steps;
  kernels::eager_attention::Heads heads;
  std::int64_t tokens() const { return prompt + steps; }
};

/// Serves the request: `cache.append(k, v, first, count)`, `cache.attend(q, tokens, out)`.
template <class Cache>
void serve(const Shape& shape, const bench::Io& io, Cache& cache) {
  const std::int64_t width = shape.heads.kv_width();
  const float *k = io.in<float>(kK).data(), *v = io.in<float>(kV).data();
  cache.append(k, v, 0, shape.prompt);
  for (std::int64_t step = 0; step < shape.steps; ++step) {
    const std::int64_t token = shape.prompt + step;
    cache.append(k + token * width, v + token * width, token, 1);
    cache.attend(io.in<float>(kQ).data() + step * shape.heads.width(), token + 1,
                 io.out<float>(kO).data() + step * shape.heads.width());
  }
}

/// The engine's cache and kernel (kernels/paged_attention) with this type; threads as in Technique.
bench::Technique in_blocks(const char* name, const char* summary,
                           kernels::paged_attention::Type type, int threads);

bench::Technique f32_blocks();
bench::Technique bf16_blocks();
bench::Technique int8_blocks();
bench::Technique int8_widened();
bench::Technique int8_blocks_threads();

}  // namespace aisp::labs::ch19::dynamic_quantized_cache
