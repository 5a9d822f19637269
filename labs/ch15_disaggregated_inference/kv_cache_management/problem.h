// One attention layer that generates S tokens after a prompt of P, greedy in all but name: the
// hidden states of all tokens are given. Step s projects token P + s to a query, needs K and V of
// tokens 0 ... P + s, and attends. Params: P, S, C hidden width, H query heads, G KV heads, D head
// size. Inputs: x [P+S,C]; wq [C,H*D]; wk, wv [C,G*D]. Output: o [S,H*D]. No position encoding: it
// would be the same for all techniques.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/lab.h"
#include "kernels/decode_attention/decode_attention.h"
#include "kernels/gemm/gemm.h"

namespace aisp::labs::ch15::kv_cache_management {

enum Input : std::size_t { kX, kWq, kWk, kWv };
enum Output : std::size_t { kO };

struct Shape {
  explicit Shape(const bench::Params& p)
      : prompt(p["P"]),
        steps(p["S"]),
        c(p["C"]),
        heads{p["H"], p["G"], p["D"]},
        q_width(p["H"] * p["D"]),
        kv_width(p["G"] * p["D"]) {}
  std::int64_t tokens() const { return prompt + steps; }
  std::int64_t prompt, steps, c;
  kernels::decode_attention::Shape heads;
  std::int64_t q_width, kv_width;
};

/// The projections of one thread, planned for one row and for many, and room for a step's query and
/// scores. No technique needs anything else but a place for K and V.
struct Layer {
  explicit Layer(const Shape& s)
      : shape(s),
        query({1, s.q_width, s.c}),
        one_row({1, s.kv_width, s.c}),
        many_rows({s.tokens(), s.kv_width, s.c}),
        q(static_cast<std::size_t>(s.q_width)),
        scratch(kernels::decode_attention::scratch_floats(s.heads, s.tokens())) {}

  /// K and V of `rows` tokens from token `first` on.
  void project(const bench::Io& io, std::int64_t first, std::int64_t rows, float* k, float* v) {
    const float* x = io.in<float>(kX).data() + first * shape.c;
    const float *wk = io.in<float>(kWk).data(), *wv = io.in<float>(kWv).data();
    if (rows == 1) {
      one_row.run(x, wk, k);
      one_row.run(x, wv, v);
    } else {
      many_rows.run_rows(rows, x, wk, k);
      many_rows.run_rows(rows, x, wv, v);
    }
  }
  /// The query of a step, and its attention to the tokens in `runs`.
  void attend(const bench::Io& io, std::int64_t step,
              std::span<const kernels::decode_attention::Run> runs) {
    query.run(io.in<float>(kX).data() + (shape.prompt + step) * shape.c, io.in<float>(kWq).data(),
              q.data());
    kernels::decode_attention::attend(shape.heads, runs, q.data(), scratch.data(),
                                      io.out<float>(kO).data() + step * shape.q_width);
  }

  Shape shape;
  kernels::gemm::GemmPlan query, one_row, many_rows;
  std::vector<float> q, scratch;
};

bench::Technique recompute();
bench::Technique cached();
bench::Technique cached_paged();

}  // namespace aisp::labs::ch15::kv_cache_management
