// Attention as `eager_attention_forward` writes it: the scores of all rows with all tokens in
// memory, hidden ones too, a mask added, softmax, a product with V.
#include "labs/ch16_production_inference/flash_sdp/problem.h"

namespace aisp::labs::ch16::flash_sdp {

bench::Technique by_matrix(const char* name, const char* summary, std::int64_t together) {
  return {.name = name, .summary = summary, .plan = [together](const bench::Params& params) {
            namespace eager = kernels::eager_attention;
            const Shape shape(params);
            auto attention = std::make_shared<eager::RangedAttention>(shape.heads, shape.ranges(),
                                                                      shape.tokens(), together);
            return bench::plan_of([attention](const bench::Io& io) {
              attention->run(io.in<float>(kQ).data(), io.in<float>(kK).data(),
                             io.in<float>(kV).data(), io.out<float>(kO).data());
            });
          }};
}

bench::Technique score_matrix() {
  return by_matrix("score_matrix", "product, mask, softmax, product over the whole matrix", 0);
}

}  // namespace aisp::labs::ch16::flash_sdp
