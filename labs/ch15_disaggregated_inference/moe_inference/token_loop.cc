// Token by token, and for each token its experts: each pair reads an expert's weights for one row.
#include "labs/ch15_disaggregated_inference/moe_inference/problem.h"

namespace aisp::labs::ch15::moe_inference {

bench::Technique token_loop() {
  return {.name = "token_loop",
          .summary = "for each token, each of its experts on one row",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto expert = std::make_shared<Expert>(shape, 1);
            std::vector<float> row(static_cast<std::size_t>(shape.c));
            return bench::plan_of([shape, expert, row](const bench::Io& io) mutable {
              const auto ids = io.in<std::int32_t>(kIds);
              const auto gates = io.in<float>(kGates);
              for (std::int64_t t = 0; t < shape.tokens; ++t) {
                float* __restrict y = io.out<float>(kY).data() + t * shape.c;
                std::fill_n(y, shape.c, 0.0f);
                for (std::int64_t i = 0; i < shape.k; ++i) {
                  const auto pair = static_cast<std::size_t>(t * shape.k + i);
                  expert->run(io, ids[pair], 1, io.in<float>(kX).data() + t * shape.c, row.data());
                  for (std::int64_t j = 0; j < shape.c; ++j) {
                    y[j] += gates[pair] * row[static_cast<std::size_t>(j)];
                  }
                }
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::moe_inference
