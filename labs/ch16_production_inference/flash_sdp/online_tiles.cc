// Online softmax in tiles over contiguous K and V (kernels/attention), which wants heads first:
// the call begins and ends with bringing q, K, V and o into that order.
#include <cstring>

#include "kernels/attention/attention.h"
#include "labs/ch16_production_inference/flash_sdp/problem.h"

namespace aisp::labs::ch16::flash_sdp {
namespace {

/// [rows][heads][size] to [heads][rows][size], or back with the counts exchanged.
void swap_order(const float* from, std::int64_t rows, std::int64_t heads, std::int64_t size,
                float* to) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t h = 0; h < heads; ++h) {
      std::memcpy(to + (h * rows + r) * size, from + (r * heads + h) * size,
                  static_cast<std::size_t>(size) * sizeof(float));
    }
  }
}

struct State {
  explicit State(const Shape& s)
      : q(static_cast<std::size_t>(s.rows * s.heads.width())),
        o(q.size()),
        k(static_cast<std::size_t>(s.tokens() * s.heads.kv_width())),
        v(k.size()),
        attention({.heads = s.heads.heads,
                   .kv_heads = s.heads.kv_heads,
                   .queries = s.rows,
                   .keys = s.tokens(),
                   .D = s.heads.head_size}) {}
  std::vector<float> q, o, k, v;
  kernels::attention::AttentionPlan attention;
};

}  // namespace

bench::Technique online_tiles() {
  return {.name = "online_tiles",
          .summary = "online softmax in tiles, over K and V brought into heads-first order",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              const auto& heads = shape.heads;
              State& s = *state;
              swap_order(io.in<float>(kQ).data(), shape.rows, heads.heads, heads.head_size,
                         s.q.data());
              for (const auto& [input, to] : {std::pair{kK, &s.k}, std::pair{kV, &s.v}}) {
                swap_order(io.in<float>(input).data(), shape.tokens(), heads.kv_heads,
                           heads.head_size, to->data());
              }
              s.attention.run(s.q.data(), s.k.data(), s.v.data(), s.o.data());
              swap_order(s.o.data(), heads.heads, shape.rows, heads.head_size,
                         io.out<float>(kO).data());
            });
          }};
}

}  // namespace aisp::labs::ch16::flash_sdp
