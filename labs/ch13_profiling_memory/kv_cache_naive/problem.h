// One layer's KV cache over the life of several requests, one after the other: a prompt of P tokens
// arrives, then S tokens are generated, each of which appends its K and V and attends to all before
// it. Params: R requests, P, S, H query heads, G KV heads, D head size. Inputs: prompt_k, prompt_v
// [R,P,G,D]; q [R,S,H,D]; k, v [R,S,G,D]. Output: o [R,S,H,D]. Techniques differ in where the cache
// lives; attention is the same kernel for all but engine_blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"
#include "kernels/decode_attention/decode_attention.h"

namespace aisp::labs::ch13::kv_cache_naive {

enum Input : std::size_t { kPromptK, kPromptV, kQ, kK, kV };
enum Output : std::size_t { kO };

/// Sizes of a case, in floats where not said otherwise.
struct Shape {
  explicit Shape(const bench::Params& params);
  std::int64_t requests, prompt, steps;  // tokens
  kernels::decode_attention::Shape heads;
  std::int64_t width;    // K of one token
  std::int64_t q_width;  // q or o of one token
  std::int64_t tokens() const { return prompt + steps; }
};

/// What one request brings, and where its result goes.
struct Request {
  const float* prompt_k;
  const float* prompt_v;
  const float* q;
  const float* k;
  const float* v;
  float* o;
};
Request request(const Shape& shape, const bench::Io& io, std::int64_t index);

/// Serves all requests: `Cache(shape)` is made anew for each of them, filled by append(k, v,
/// tokens) and read through runs().
template <class MakeCache>
void serve(const Shape& shape, const bench::Io& io, float* scratch, const MakeCache& make_cache) {
  for (std::int64_t r = 0; r < shape.requests; ++r) {
    const Request at = request(shape, io, r);
    auto cache = make_cache();
    cache.append(at.prompt_k, at.prompt_v, shape.prompt);
    for (std::int64_t s = 0; s < shape.steps; ++s) {
      cache.append(at.k + s * shape.width, at.v + s * shape.width, 1);
      kernels::decode_attention::attend(shape.heads, cache.runs(), at.q + s * shape.q_width,
                                        scratch, at.o + s * shape.q_width);
    }
  }
}

/// Scratch of attention for the longest sequence.
std::vector<float> scratch(const Shape& shape);

bench::Technique concatenate();
bench::Technique doubling();
bench::Technique preallocated();
bench::Technique pooled();
bench::Technique paged();
bench::Technique engine_blocks();

}  // namespace aisp::labs::ch13::kv_cache_naive
