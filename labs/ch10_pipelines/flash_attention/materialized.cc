// Attention as three operations on a matrix of scores in memory, as eager PyTorch or llm.c run it:
// S = Q K^T for all heads, softmax of its rows, O = S V. Every inner loop runs along contiguous
// memory and is vectorised by the compiler (K is transposed first for that), and only visible keys
// are computed: llm.c's own loops take dot products, which strict float order keeps scalar.
// Source: llm.c, train_gpt2.c, attention_forward (the same scores and passes).
#include <cmath>
#include <memory>
#include <vector>

#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {
namespace {

/// y[0..n) += a x[0..n).
void add_scaled(float* __restrict y, float a, const float* __restrict x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

/// kt[d][j] = k[j][d].
void transpose(const float* k, float* kt, std::int64_t T, std::int64_t D) {
  for (std::int64_t j = 0; j < T; ++j) {
    for (std::int64_t d = 0; d < D; ++d) kt[d * T + j] = k[j * D + d];
  }
}

void scores(const float* q, const float* kt, float* s, std::int64_t T, std::int64_t D) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(D));
  for (std::int64_t i = 0; i < T; ++i) {
    float* row = s + i * T;
    for (std::int64_t j = 0; j <= i; ++j) row[j] = 0.0f;
    for (std::int64_t d = 0; d < D; ++d) {
      add_scaled(row, q[i * D + d] * scale, kt + d * T, i + 1);
    }
  }
}

void softmax(float* s, std::int64_t T) {
  for (std::int64_t i = 0; i < T; ++i) {
    float* row = s + i * T;
    float max = row[0];
    for (std::int64_t j = 1; j <= i; ++j) max = row[j] > max ? row[j] : max;
    float sum = 0.0f;
    for (std::int64_t j = 0; j <= i; ++j) {
      row[j] = std::exp(row[j] - max);
      sum += row[j];
    }
    const float factor = 1.0f / sum;
    for (std::int64_t j = 0; j <= i; ++j) row[j] *= factor;
  }
}

void output(const float* s, const float* v, float* o, std::int64_t T, std::int64_t D) {
  for (std::int64_t i = 0; i < T; ++i) {
    float* row = o + i * D;
    for (std::int64_t d = 0; d < D; ++d) row[d] = 0.0f;
    for (std::int64_t j = 0; j <= i; ++j) add_scaled(row, s[i * T + j], v + j * D, D);
  }
}

struct Scratch {
  std::vector<float> scores, k_transposed;
};

void run(const Shape& n, const bench::Io& io, Scratch& scratch) {
  const float* q = io.in<float>(0).data();
  const float* k = io.in<float>(1).data();
  const float* v = io.in<float>(2).data();
  float* o = io.out<float>(0).data();
  const std::int64_t plane = n.T * n.D, square = n.T * n.T, share = n.heads / n.kv_heads;
  float* s = scratch.scores.data();
  for (std::int64_t h = 0; h < n.heads; ++h) {
    if (h % share == 0) transpose(k + h / share * plane, scratch.k_transposed.data(), n.T, n.D);
    scores(q + h * plane, scratch.k_transposed.data(), s + h * square, n.T, n.D);
  }
  for (std::int64_t h = 0; h < n.heads; ++h) softmax(s + h * square, n.T);
  for (std::int64_t h = 0; h < n.heads; ++h) {
    output(s + h * square, v + h / share * plane, o + h * plane, n.T, n.D);
  }
}

}  // namespace

bench::Technique materialized() {
  return {
      .name = "materialized",
      .summary = "Q K^T, softmax and the product with V as three passes over scores in memory",
      .plan = [](const bench::Params& params) {
        const Shape shape = shape_of(params);
        auto scratch = std::make_shared<Scratch>();
        scratch->scores.resize(static_cast<std::size_t>(shape.heads * shape.T * shape.T));
        scratch->k_transposed.resize(static_cast<std::size_t>(shape.T * shape.D));
        return bench::plan_of([shape, scratch](const bench::Io& io) { run(shape, io, *scratch); });
      }};
}

}  // namespace aisp::labs::ch10::flash_attention
