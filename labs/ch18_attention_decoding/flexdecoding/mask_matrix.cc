// The mask as a matrix of 0 and -inf: all scores are computed, the hidden ones too, and most are
// thrown away. What `attn_mask` of a framework's attention does.
#include "labs/ch18_attention_decoding/flexdecoding/problem.h"

namespace aisp::labs::ch18::flexdecoding {

bench::Technique mask_matrix() {
  return {.name = "mask_matrix",
          .summary = "all scores, a matrix of 0 and -inf added",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto attention = std::make_shared<kernels::eager_attention::RangedAttention>(
                shape.heads, shape.ranges(), shape.tokens, 0);
            return bench::plan_of([attention](const bench::Io& io) {
              attention->run(io.in<float>(kQ).data(), io.in<float>(kK).data(),
                             io.in<float>(kV).data(), io.out<float>(kO).data());
            });
          }};
}

}  // namespace aisp::labs::ch18::flexdecoding
