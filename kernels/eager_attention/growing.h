// A request's life in a KV cache: its prompt is appended, then each generated token appends its own
// K and V and attends to all before it. For labs that compare caches.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/eager_attention/ranges.h"

namespace aisp::kernels::eager_attention {

/// Tokens and heads of a request.
struct Growing {
  std::int64_t prompt = 0;
  std::int64_t steps = 0;
  Heads heads;

  std::int64_t tokens() const { return prompt + steps; }
  /// What each generated token sees.
  std::vector<Range> ranges() const {
    std::vector<Range> all;
    for (std::int64_t step = 0; step < steps; ++step) all.push_back({0, prompt + step + 1});
    return all;
  }
  /// Operations of attention: two products of 2 head_size for each head and token seen.
  double flops() const {
    return 4.0 * static_cast<double>(visible_pairs(ranges())) * static_cast<double>(heads.width());
  }
};

/// k, v: tokens() x kv_heads x head_size; q, out: steps x heads x head_size. `cache` has
/// append(k, v, first token, count) and attend(q, tokens, out).
template <class Cache>
void serve(const Growing& request, const float* k, const float* v, const float* q, float* out,
           Cache& cache) {
  const std::int64_t width = request.heads.kv_width();
  cache.append(k, v, 0, request.prompt);
  for (std::int64_t step = 0; step < request.steps; ++step) {
    const std::int64_t token = request.prompt + step, row = step * request.heads.width();
    cache.append(k + token * width, v + token * width, token, 1);
    cache.attend(q + row, token + 1, out + row);
  }
}

}  // namespace aisp::kernels::eager_attention
