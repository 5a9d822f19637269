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
#include "kernels/eager_attention/growing.h"
#include "kernels/eager_attention/scatter.h"
#include "machine/crew.h"

namespace aisp::labs::ch19::dynamic_quantized_cache {

enum Input : std::size_t { kK, kV, kQ };
enum Output : std::size_t { kO };

using Shape = kernels::eager_attention::Growing;
Shape shape_of(const bench::Params& params);

/// A technique that serves the request with a cache made from the shape.
template <class MakeCache>
bench::Technique serving(const char* name, const char* summary, int threads, MakeCache make) {
  return {.name = name,
          .summary = summary,
          .threads = threads,
          .plan = [make](const bench::Params& params) {
            const Shape shape = shape_of(params);
            auto cache = make(shape);
            return bench::plan_of([shape, cache](const bench::Io& io) {
              kernels::eager_attention::serve(shape, io.in<float>(kK).data(),
                                              io.in<float>(kV).data(), io.in<float>(kQ).data(),
                                              io.out<float>(kO).data(), *cache);
            });
          }};
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
