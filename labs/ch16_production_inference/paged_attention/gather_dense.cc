// Each request's blocks are gathered into one contiguous f32 cache, then attention over it with a
// kernel that knows of no blocks.
#include "kernels/decode_attention/decode_attention.h"
#include "labs/ch16_production_inference/paged_attention/problem.h"

namespace aisp::labs::ch16::paged_attention {

bench::Technique gather_dense() {
  return {
      .name = "gather_dense",
      .summary = "gather each request into a contiguous f32 cache, attention over that",
      .plan = [](const bench::Params& params) {
        namespace dense = kernels::decode_attention;
        const Shape shape(params);
        const dense::Shape heads{shape.heads.heads, shape.heads.kv_heads, shape.heads.head_size};
        auto gathered = std::make_shared<Gathered>(shape);
        std::vector<float> scratch(dense::scratch_floats(heads, shape.cache.longest));
        return bench::plan_of([=](const bench::Io& io) mutable {
          const auto contexts = io.in<std::int32_t>(kContexts);
          for (std::int64_t r = 0; r < shape.cache.sequences; ++r) {
            const std::int64_t tokens = contexts[static_cast<std::size_t>(r)];
            const std::int64_t place = r * shape.heads.width();
            gathered->gather(shape, io, r, tokens);
            const dense::Run run{gathered->k.data(), gathered->v.data(), tokens};
            dense::attend(heads, {&run, 1}, io.in<float>(kQ).data() + place, scratch.data(),
                          io.out<float>(kO).data() + place);
          }
        });
      }};
}

}  // namespace aisp::labs::ch16::paged_attention
