// Attention as three operations on a matrix of scores in memory, as eager PyTorch or llm.c run it:
// S = Q K^T for all heads, softmax of its rows, O = S V. Every inner loop runs along contiguous
// memory and is vectorised by the compiler, and only visible keys are computed: llm.c's own loops
// take dot products, which strict float order keeps scalar. For many queries K is transposed first;
// for a few, that would cost more than the products, and dot products with eight partial sums
// (ggml's way without intrinsics) take its place.
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

/// Eight chains, so that the compiler can make vectors of them.
float dot(const float* __restrict a, const float* __restrict b, std::int64_t n) {
  float sums[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int c = 0; c < 8; ++c) sums[c] += a[i + c] * b[i + c];
  }
  float sum = 0.0f;
  for (; i < n; ++i) sum += a[i] * b[i];
  for (const float one : sums) sum += one;
  return sum;
}

/// kt[d][j] = k[j][d].
void transpose(const float* k, float* kt, std::int64_t keys, std::int64_t D) {
  for (std::int64_t j = 0; j < keys; ++j) {
    for (std::int64_t d = 0; d < D; ++d) kt[d * keys + j] = k[j * D + d];
  }
}

/// Below so many queries a transposed K does not pay: it costs about as much as 8 rows of products.
constexpr std::int64_t kFewQueries = 8;

/// Keys that query i sees.
std::int64_t visible(const Shape& n, std::int64_t i) {
  return n.causal ? i + 1 + n.keys - n.queries : n.keys;
}

/// Scores of one head. `k` is transposed unless the queries are few.
void scores(const Shape& n, const float* q, const float* k, float* s) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(n.D));
  for (std::int64_t i = 0; i < n.queries; ++i) {
    const std::int64_t keys = visible(n, i);
    const float* query = q + i * n.D;
    float* row = s + i * n.keys;
    if (n.queries < kFewQueries) {
      for (std::int64_t j = 0; j < keys; ++j) row[j] = dot(query, k + j * n.D, n.D) * scale;
      continue;
    }
    for (std::int64_t j = 0; j < keys; ++j) row[j] = 0.0f;
    for (std::int64_t d = 0; d < n.D; ++d) {
      add_scaled(row, query[d] * scale, k + d * n.keys, keys);
    }
  }
}

void softmax(const Shape& n, float* s) {
  for (std::int64_t i = 0; i < n.queries; ++i) {
    const std::int64_t keys = visible(n, i);
    float* row = s + i * n.keys;
    float max = row[0];
    for (std::int64_t j = 1; j < keys; ++j) max = row[j] > max ? row[j] : max;
    float sum = 0.0f;
    for (std::int64_t j = 0; j < keys; ++j) {
      row[j] = std::exp(row[j] - max);
      sum += row[j];
    }
    const float factor = 1.0f / sum;
    for (std::int64_t j = 0; j < keys; ++j) row[j] *= factor;
  }
}

void output(const Shape& n, const float* s, const float* v, float* o) {
  for (std::int64_t i = 0; i < n.queries; ++i) {
    float* row = o + i * n.D;
    for (std::int64_t d = 0; d < n.D; ++d) row[d] = 0.0f;
    const std::int64_t keys = visible(n, i);
    for (std::int64_t j = 0; j < keys; ++j) add_scaled(row, s[i * n.keys + j], v + j * n.D, n.D);
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
  const std::int64_t plane = n.queries * n.D, cache = n.keys * n.D, square = n.queries * n.keys;
  const std::int64_t share = n.heads / n.kv_heads;
  float* s = scratch.scores.data();
  for (std::int64_t h = 0; h < n.heads; ++h) {
    const float* keys = k + h / share * cache;
    if (n.queries >= kFewQueries) {
      if (h % share == 0) transpose(keys, scratch.k_transposed.data(), n.keys, n.D);
      keys = scratch.k_transposed.data();
    }
    scores(n, q + h * plane, keys, s + h * square);
  }
  for (std::int64_t h = 0; h < n.heads; ++h) softmax(n, s + h * square);
  for (std::int64_t h = 0; h < n.heads; ++h) {
    output(n, s + h * square, v + h / share * cache, o + h * plane);
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
        scratch->scores.resize(static_cast<std::size_t>(shape.heads * shape.queries * shape.keys));
        scratch->k_transposed.resize(static_cast<std::size_t>(shape.keys * shape.D));
        return bench::plan_of([shape, scratch](const bench::Io& io) { run(shape, io, *scratch); });
      }};
}

}  // namespace aisp::labs::ch10::flash_attention
