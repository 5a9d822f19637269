// FlexAttention's idea with the same library calls: for each block of rows only the tokens that one
// of them sees, and a mask within. With one row: K and V sliced to the window.
#include "labs/ch18_attention_decoding/flexdecoding/problem.h"

namespace aisp::labs::ch18::flexdecoding {
namespace {

// FlexAttention takes 128; 64 throws away less at the edges of a window of 512 and of documents of
// a hundred tokens, and products of 64 rows are still large.
constexpr std::int64_t kTogether = 64;

}  // namespace

bench::Technique mask_blocks() {
  return {.name = "mask_blocks",
          .summary = "64 rows at a time, over the tokens that one of them sees",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto attention = std::make_shared<kernels::eager_attention::RangedAttention>(
                shape.heads, shape.ranges(), shape.tokens, kTogether);
            return bench::plan_of([attention](const bench::Io& io) {
              attention->run(io.in<float>(kQ).data(), io.in<float>(kK).data(),
                             io.in<float>(kV).data(), io.out<float>(kO).data());
            });
          }};
}

}  // namespace aisp::labs::ch18::flexdecoding
