// The lab: generation with keys and values computed again, copied, or kept in blocks. See
// README.md.
#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"

namespace aisp::labs::ch15::kv_cache_management {

using bench::Params;

Shape::Shape(const Params& p) : recorded::Shape(p), prompt(p["P"]), steps(p["S"]) {
  for (std::int64_t r = 0; r < p["R"]; ++r) add(prompt, steps, steps);
}

namespace {

Params sizes(std::int64_t m, std::int64_t l, std::int64_t v, std::int64_t r, std::int64_t p,
             std::int64_t s) {
  return {{"M", m}, {"L", l}, {"V", v}, {"R", r}, {"P", p}, {"S", s}};
}

}  // namespace

bench::Lab describe() {
  return recorded::lab_of(
      [](const Params& p) -> recorded::Shape { return Shape(p); },
      {
          .question =
              "What does generation save by keeping the keys and values of the tokens before, "
              "and does it matter where they are kept?",
          .targets = {"ch15:kv_cache_management"},
          .tags = {"transformer", "kv-cache", "serving"},
          .cases = {{.name = "stories_short",
                     .origin = "stories15M of llama2.c, its 6 layers, 512 pieces: 2 requests, 48 "
                               "tokens of prompt, 8 generated",
                     .smoke = sizes(0, 2, 260, 2, 9, 4),
                     .full = sizes(1, 6, 512, 2, 48, 8)},
                    {.name = "stories_long_answer",
                     .origin = "stories15M of llama2.c, its first layer: 2 requests, 64 tokens of "
                               "prompt, 48 generated",
                     .smoke = sizes(0, 1, 260, 2, 30, 5),
                     .full = sizes(1, 1, 512, 2, 64, 48)}},
          // One token; one block exactly, one below and above.
          .ragged = {sizes(0, 1, 260, 1, 1, 1), sizes(0, 1, 300, 3, 31, 3),
                     sizes(0, 1, 260, 1, 32, 2), sizes(0, 2, 511, 2, 33, 1)},
          .techniques = {recompute(), contiguous_copied(), paged()},
          .baseline = "recompute",
      });
}

}  // namespace aisp::labs::ch15::kv_cache_management
