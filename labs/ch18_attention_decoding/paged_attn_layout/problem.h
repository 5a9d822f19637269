// One request's life in a cache of blocks: the K and V of a prompt of P tokens are appended, then S
// tokens are generated, each of which appends its own and attends to all. Params: P, S, H query
// heads, G KV heads, D head size; f32. Inputs: k, v [P+S,G,D]; q [S,H,D]. Output: o [S,H,D].
// Techniques differ in what a block looks like and in how many tokens it has; their blocks are
// memory of the plan, taken in disorder as a server would.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/lab.h"
#include "kernels/decode_attention/decode_attention.h"
#include "kernels/eager_attention/growing.h"
#include "kernels/paged_attention/paged_attention.h"
#include "machine/crew.h"

namespace aisp::labs::ch18::paged_attn_layout {

enum Input : std::size_t { kK, kV, kQ };
enum Output : std::size_t { kO };

using Shape = kernels::eager_attention::Growing;
Shape shape_of(const bench::Params& params);

/// Blocks of f32 for all tokens of a request, and the order in which they are taken: i * step mod
/// count, so that neighbours in the sequence are none in memory.
class Blocks {
 public:
  Blocks(const Shape& shape, std::int64_t block_tokens);
  std::int64_t block_tokens() const { return block_tokens_; }
  /// K of the block that holds token `block * block_tokens()`; V follows after v_offset() floats.
  float* at(std::int64_t block);
  std::int64_t v_offset() const { return block_tokens_ * width_; }
  /// The ids in order.
  std::span<const std::int32_t> table() const { return table_; }
  std::byte* data() const { return memory_.data(); }

 private:
  std::int64_t block_tokens_, width_;
  std::vector<std::int32_t> table_;
  machine::PageBuffer memory_;
};

/// A technique that serves the request with a cache made from the shape.
template <class MakeCache>
bench::Technique serving(const char* name, const char* summary, MakeCache make) {
  return {.name = name, .summary = summary, .plan = [make](const bench::Params& params) {
            const Shape shape = shape_of(params);
            auto cache = make(shape);
            return bench::plan_of([shape, cache](const bench::Io& io) {
              kernels::eager_attention::serve(shape, io.in<float>(kK).data(),
                                              io.in<float>(kV).data(), io.in<float>(kQ).data(),
                                              io.out<float>(kO).data(), *cache);
            });
          }};
}

bench::Technique token_major_16();
bench::Technique token_major_64();
bench::Technique token_major_256();
bench::Technique head_major_16();
bench::Technique head_major_64();
bench::Technique transposed_32();
bench::Technique transposed_32_tiles();

}  // namespace aisp::labs::ch18::paged_attn_layout
