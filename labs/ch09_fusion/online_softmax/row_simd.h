// Softmax of one row in SIMD, three passes and online. Included inside a target region and a
// namespace per instruction set, after `using V` of kernels/simd/vectors.h: so it includes nothing.
#pragma once

/// Largest of x[0..n); -inf for n == 0. NaN may be lost: the sum of exponentials keeps it.
inline float max_of(const float* x, std::size_t n) {
  // Four chains: the latency of max times its throughput.
  const V::Reg none = V::set1(-std::numeric_limits<float>::infinity());
  V::Reg a = none, b = none, c = none, d = none;
  std::size_t i = 0;
  for (; i + 4 * V::kLanes <= n; i += 4 * V::kLanes) {
    a = V::max(a, V::load(x + i));
    b = V::max(b, V::load(x + i + V::kLanes));
    c = V::max(c, V::load(x + i + 2 * V::kLanes));
    d = V::max(d, V::load(x + i + 3 * V::kLanes));
  }
  for (; i < n; i += V::kLanes) {
    a = V::max(a, V::load_partial(x + i, n - i, -std::numeric_limits<float>::infinity()));
  }
  return V::max_of_lanes(V::max(V::max(a, b), V::max(c, d)));
}

/// y[i] = e^(x[i] - shift); returns their sum.
inline float exp_sum(const float* x, float* y, std::size_t n, float shift) {
  const V::Reg by = V::set1(shift);
  V::Reg even = V::set1(0.0f), odd = V::set1(0.0f);
  std::size_t i = 0;
  for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes) {
    const V::Reg e0 = V::exp(V::sub(V::load(x + i), by));
    const V::Reg e1 = V::exp(V::sub(V::load(x + i + V::kLanes), by));
    even = V::add(even, e0);
    odd = V::add(odd, e1);
    V::store(y + i, e0);
    V::store(y + i + V::kLanes, e1);
  }
  for (; i < n; i += V::kLanes) {
    const V::Reg e = V::exp(
        V::sub(V::load_partial(x + i, n - i, -std::numeric_limits<float>::infinity()), by));
    even = V::add(even, e);
    V::store_partial(y + i, n - i, e);
  }
  return V::sum_of_lanes(V::add(even, odd));
}

inline void scale_by(float* y, std::size_t n, float factor) {
  const V::Reg times = V::set1(factor);
  std::size_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) V::store(y + i, V::mul(V::load(y + i), times));
  if (i < n) V::store_partial(y + i, n - i, V::mul(V::load_partial(y + i, n - i, 0.0f), times));
}

/// e^x of one number, by the same code.
inline float exp_of(float x) {
  float out[V::kLanes];
  V::store(out, V::exp(V::set1(x)));
  return out[0];
}

inline void three_pass(const float* x, float* y, std::size_t n, float*) {
  const float max = max_of(x, n);
  const float sum = exp_sum(x, y, n, max);
  scale_by(y, n, 1.0f / sum);
}

/// One pass over the input: exponentials are stored relative to the maximum so far (and that
/// maximum beside, one for each block); the second pass, over the output, brings every block to the
/// final maximum and divides by the sum. `shifts` holds block_count(n) floats.
/// Recomputing the exponentials from the input instead ran 1.45 times slower: a vector of them
/// costs more than reading it back from L2.
inline void online(const float* x, float* y, std::size_t n, float* shifts) {
  float max = -std::numeric_limits<float>::infinity(), shift = 0.0f, sum = 0.0f;
  for (std::size_t i = 0; i < n; i += kBlock) {
    const std::size_t count = n - i < kBlock ? n - i : kBlock;
    const float block_max = max_of(x + i, count);
    if (block_max > max) {
      sum *= exp_of(max - block_max);
      max = shift = block_max;
    }
    // While everything was -inf the shift stays 0: -inf - 0 is -inf, -inf - -inf would be NaN.
    shifts[i / kBlock] = shift;
    sum += exp_sum(x + i, y + i, count, shift);
  }
  for (std::size_t i = 0; i < n; i += kBlock) {
    const std::size_t count = n - i < kBlock ? n - i : kBlock;
    scale_by(y + i, count, exp_of(shifts[i / kBlock] - shift) / sum);
  }
}
