// kWidth chains in flight, for interleaved_4 and interleaved_8.
#pragma once

#include "labs/ch06_cuda_fundamentals/ilp/problem.h"

namespace aisp::labs::ch06::ilp {

template <int kWidth>
void interleaved_square_map(const Chains& work) {
  std::int64_t i = 0;
  for (; i + kWidth <= work.chains; i += kWidth) {
    float value[kWidth], c[kWidth];
    for (int w = 0; w < kWidth; ++w) {
      value[w] = work.start[i + w];
      c[w] = work.step[i + w];
    }
    for (std::int64_t s = 0; s < work.steps; ++s) {
      for (int w = 0; w < kWidth; ++w) value[w] = value[w] * value[w] + c[w];
    }
    for (int w = 0; w < kWidth; ++w) work.y[i + w] = value[w];
  }
  square_map_from(work, i);
}

/// Chains along the head: partial sum w takes the terms d with d % kWidth == w, so that their loads
/// are neighbours (kWidth keys at a time would gather, and ran at 0.6 of this speed).
template <int kWidth>
void interleaved_scores(const Chains& work) {
  for (std::int64_t i = 0; i < work.chains; ++i) {
    const float* key = work.step + i * work.steps;
    float partial[kWidth] = {};
    std::int64_t d = 0;
    for (; d + kWidth <= work.steps; d += kWidth) {
      for (int w = 0; w < kWidth; ++w) partial[w] += work.start[d + w] * key[d + w];
    }
    float sum = 0.0f;
    for (const float one : partial) sum += one;
    for (; d < work.steps; ++d) sum += work.start[d] * key[d];
    work.y[i] = sum;
  }
}

}  // namespace aisp::labs::ch06::ilp
