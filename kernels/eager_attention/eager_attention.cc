// The four passes over whole tensors, one after the other.
#include "kernels/eager_attention/eager_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "kernels/gemm/gemm.h"
#include "kernels/softmax/softmax.h"
#include "kernels/transpose/transpose.h"

namespace aisp::kernels::eager_attention {

// Up to so many rows, one vector of columns, scores are K times the turned rows: K is read as it
// lies. Turning K first took 0.45 ms for 8 x 4 rows and 2048 tokens of 64, this 0.38, dot
// products 2.
constexpr std::int64_t kFewRows = 16;

// One row: the heads of a group are the rows of one product. More: each head has its own.
struct EagerAttention::State {
  Heads heads;
  std::int64_t rows, tokens;
  std::int64_t products;  // of each KV head
  gemm::GemmPlan scores_of, few_scores_of, values_of;
  std::vector<float> scores;    // [heads][rows][tokens]
  std::vector<float> turned;    // [head_size][tokens]: K of one KV head, or few rows of q
  std::vector<float> by_token;  // [tokens][m()], for few rows

  State(const Heads& h, std::int64_t r, std::int64_t t)
      : heads(h),
        rows(r),
        tokens(t),
        products(r == 1 ? 1 : h.group()),
        scores_of({m(), t, h.head_size}, {.strides = {.a = row_stride(), .b = t, .c = t}}),
        few_scores_of({t, m(), h.head_size}, {.strides = {.a = h.kv_width(), .b = m(), .c = m()}}),
        values_of({m(), h.head_size, t},
                  {.strides = {.a = t, .b = h.kv_width(), .c = row_stride()}}),
        scores(static_cast<std::size_t>(h.heads * r * t)),
        turned(static_cast<std::size_t>(h.head_size * std::max(t, m()))),
        by_token(static_cast<std::size_t>(m() <= kFewRows ? t * m() : 0)) {}

  std::int64_t m() const { return rows == 1 ? heads.group() : rows; }
  std::int64_t row_stride() const { return rows == 1 ? heads.head_size : heads.width(); }
  float* of_product(std::int64_t g, std::int64_t i) {
    return scores.data() + (g * heads.group() + i) * rows * tokens;
  }
  void score_few(const float* q, const float* k, float* to);
  void score(const Tensors& at);
  void scale_and_mask(const Tensors& at);
  void sum_values(const Tensors& at);
};

/// Of one product: rows row_stride() apart with the keys of a KV head.
void EagerAttention::State::score_few(const float* q, const float* k, float* to) {
  transpose::transpose({.in = q,
                        .out = turned.data(),
                        .shape = {m(), heads.head_size},
                        .strides = {.in = row_stride(), .out = m()}});
  few_scores_of.run(k, turned.data(), by_token.data());
  transpose::transpose({.in = by_token.data(), .out = to, .shape = {tokens, m()}});
}

void EagerAttention::State::score(const Tensors& at) {
  const std::int64_t size = heads.head_size;
  for (std::int64_t g = 0; g < heads.kv_heads; ++g) {
    if (m() <= kFewRows) {
      for (std::int64_t i = 0; i < products; ++i) {
        score_few(at.q + (g * heads.group() + i) * size, at.k + g * size, of_product(g, i));
      }
      continue;
    }
    transpose::transpose({.in = at.k + g * size,
                          .out = turned.data(),
                          .shape = {tokens, size},
                          .strides = {.in = heads.kv_width(), .out = tokens}});
    for (std::int64_t i = 0; i < products; ++i) {
      scores_of.run(at.q + (g * heads.group() + i) * size, turned.data(), of_product(g, i));
    }
  }
}

void EagerAttention::State::scale_and_mask(const Tensors& at) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(heads.head_size));
  const std::int64_t stride = at.mask_stride != 0 ? at.mask_stride : tokens;
  for (std::int64_t i = 0; i < heads.heads * rows; ++i) {
    float* __restrict row = scores.data() + i * tokens;
    if (at.mask == nullptr) {
      for (std::int64_t t = 0; t < tokens; ++t) row[t] *= scale;
      continue;
    }
    const float* __restrict mask = at.mask + i % rows * stride;
    for (std::int64_t t = 0; t < tokens; ++t) row[t] = row[t] * scale + mask[t];
  }
}

void EagerAttention::State::sum_values(const Tensors& at) {
  const std::int64_t size = heads.head_size;
  for (std::int64_t g = 0; g < heads.kv_heads; ++g) {
    for (std::int64_t i = 0; i < products; ++i) {
      values_of.run(of_product(g, i), at.v + g * size, at.out + (g * heads.group() + i) * size);
    }
  }
}

EagerAttention::EagerAttention(const Heads& heads, std::int64_t rows, std::int64_t tokens) {
  check(heads.kv_heads > 0 && heads.heads > 0 && heads.heads % heads.kv_heads == 0,
        "eager_attention: query heads must share KV heads evenly");
  check(rows > 0 && tokens > 0 && heads.head_size > 0, "eager_attention: sizes are positive");
  state_ = std::make_unique<State>(heads, rows, tokens);
}
EagerAttention::~EagerAttention() = default;
EagerAttention::EagerAttention(EagerAttention&&) noexcept = default;
EagerAttention& EagerAttention::operator=(EagerAttention&&) noexcept = default;

void EagerAttention::run(const Tensors& tensors) {
  State& state = *state_;
  state.score(tensors);
  state.scale_and_mask(tensors);
  softmax::softmax({.x = state.scores.data(),
                    .y = state.scores.data(),
                    .rows = state.heads.heads * state.rows,
                    .n = state.tokens});
  state.sum_values(tensors);
}

}  // namespace aisp::kernels::eager_attention
