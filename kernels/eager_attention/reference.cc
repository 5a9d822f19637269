// The formula in double, the bound of its f32 evaluation, and the variance that 8 bits add.
#include "kernels/eager_attention/reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/numeric.h"

namespace aisp::kernels::eager_attention {
namespace {

constexpr std::int64_t kWeightsTogether = 32;  // tokens whose weights share a rounding step

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

double largest(const float* x, std::int64_t n) {
  double most = 0.0;
  for (std::int64_t i = 0; i < n; ++i) most = std::max(most, std::fabs(1.0 * x[i]));
  return most;
}
/// Variance of rounding to steps of `largest` / levels: uniform within half a step.
double step_variance(double most, double levels) { return most * most / (levels * levels * 12.0); }

/// One query head.
struct Head {
  std::int64_t size, stride;
  const float *q, *k, *v;  // token t at k + t * stride
  std::span<const std::int32_t> seen;
  std::vector<double> p;     // probabilities
  double score_error = 0.0;  // sum_t p_t e_t, in units of u

  void weigh();
  void value(double* out, double* magnitude) const;
  void add_variance(Bytes bytes, const double* out, double* variance) const;

 private:
  void add_query(const double* out, double* variance) const;
  void add_weights(double* variance) const;
  void add_cached(const double* out, double* variance) const;
};

/// A score is off by at most u e_t, e_t = (6 sqrt(D + 2) + 3) sum|q k| / sqrt(D) (dot product,
/// scale, K from its stored form) + |s_t| + |s_t - max| (subtraction of the maximum).
void Head::weigh() {
  const double root = std::sqrt(static_cast<double>(size));
  p.resize(seen.size());
  std::vector<double> error(seen.size());
  double most = -1e300, sum = 0.0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    double dot = 0.0, terms = 0.0;
    for (std::int64_t d = 0; d < size; ++d) {
      const double term = static_cast<double>(q[d]) * k[seen[i] * stride + d];
      dot += term;
      terms += std::fabs(term);
    }
    p[i] = dot / root;
    error[i] = (dot_bound(static_cast<double>(size), 1.0) + 3.0) * terms / root;
    most = std::max(most, p[i]);
  }
  for (std::size_t i = 0; i < p.size(); ++i) {
    error[i] += std::fabs(p[i]) + (most - p[i]);
    p[i] = std::exp(p[i] - most);
    sum += p[i];
  }
  for (std::size_t i = 0; i < p.size(); ++i) score_error += (p[i] /= sum) * error[i];
}

void Head::value(double* out, double* magnitude) const {
  for (std::size_t i = 0; i < p.size(); ++i) {
    for (std::int64_t d = 0; d < size; ++d) {
      const double term = p[i] * v[seen[i] * stride + d];
      out[d] += term;
      magnitude[d] += std::fabs(term);
    }
  }
}

/// Errors of 8 bits are independent and uniform within half a step. To first order
///   query    o_j moves by sum_d e_d C_dj, C_dj = sum_t p_t k_td (v_tj - o_j) / sqrt(D);
///   weights  of token t, times the scale of V: moves o_j by e v_tj / scale_t; a weight below a
///            step is off by no more than itself;
///   K of t   moves its score by sum_d e_d q_d / sqrt(D), that o_j by p_t (v_tj - o_j);
///   V of t   moves o_j by p_t e.
void Head::add_variance(Bytes bytes, const double* out, double* variance) const {
  if (bytes == Bytes::kNone) return;
  add_query(out, variance);
  add_weights(variance);
  if (bytes == Bytes::kInsideAndCached) add_cached(out, variance);
}

// Most of the work of a reference: C in f32, whose rounding a variance does not notice, and four
// tokens at a time.
void Head::add_query(const double* out, double* variance) const {
  constexpr std::size_t kTogether = 4;
  std::vector<float> c(at(size * size)), apart(at(size) * kTogether);
  for (std::size_t first = 0; first < p.size(); first += kTogether) {
    const float* keys[kTogether] = {};
    std::ranges::fill(apart, 0.0f);
    for (std::size_t n = 0; n < kTogether; ++n) {
      const std::size_t i = std::min(first + n, p.size() - 1);
      const double weight = first + n < p.size() ? p[i] : 0.0;
      const float* of_v = v + seen[i] * stride;
      keys[n] = k + seen[i] * stride;
      for (std::size_t j = 0; j < at(size); ++j) {
        apart[n * at(size) + j] = static_cast<float>(weight * (of_v[j] - out[j]));
      }
    }
    const float *a = apart.data(), *b = a + size, *x = b + size, *y = x + size;
    for (std::int64_t d = 0; d < size; ++d) {
      float* __restrict row = c.data() + d * size;
      const float ka = keys[0][d], kb = keys[1][d], kx = keys[2][d], ky = keys[3][d];
      for (std::int64_t j = 0; j < size; ++j) {
        row[j] += (ka * a[j] + kb * b[j]) + (kx * x[j] + ky * y[j]);
      }
    }
  }
  const double each = step_variance(largest(q, size), 127.0) / static_cast<double>(size);
  for (std::int64_t d = 0; d < size; ++d) {
    for (std::int64_t j = 0; j < size; ++j) {
      const double moved = c[at(d * size + j)];
      variance[j] += each * moved * moved;
    }
  }
}

void Head::add_weights(double* variance) const {
  for (std::size_t begin = 0, end = 0; begin < p.size(); begin = end) {
    double most = 0.0;
    std::vector<double> scale;
    const std::int32_t block = seen[begin] / static_cast<std::int32_t>(kWeightsTogether);
    while (end < p.size() && seen[end] / static_cast<std::int32_t>(kWeightsTogether) == block) {
      scale.push_back(largest(v + seen[end] * stride, size) / 127.0);
      most = std::max(most, p[end++] * scale.back());
    }
    for (std::size_t i = begin; i < end; ++i) {
      const double s = scale[i - begin];
      if (s == 0.0) continue;
      const double each = std::min(step_variance(most, 255.0), p[i] * s * p[i] * s) / (s * s);
      for (std::int64_t j = 0; j < size; ++j) {
        const double x = v[seen[i] * stride + j];
        variance[j] += each * x * x;
      }
    }
  }
}

void Head::add_cached(const double* out, double* variance) const {
  double q_squares = 0.0;
  for (std::int64_t d = 0; d < size; ++d) q_squares += static_cast<double>(q[d]) * q[d];
  q_squares /= static_cast<double>(size);
  for (std::size_t i = 0; i < p.size(); ++i) {
    const float* of_v = v + seen[i] * stride;
    const double score = step_variance(largest(k + seen[i] * stride, size), 127.0) * q_squares;
    const double of_value = step_variance(largest(of_v, size), 127.0);
    for (std::int64_t j = 0; j < size; ++j) {
      const double apart = of_v[j] - out[j];
      variance[j] += p[i] * p[i] * (score * apart * apart + of_value);
    }
  }
}

}  // namespace

/// Errors of scores reach the output through numerator and denominator, at most
/// 2 (sum_t p_t e_t) (sum_t p_t |v_t|); sums over tokens add 6 sqrt(n + 2) each; exponentials,
/// rescaling between chunks and the division 40, the contract of kernels/paged_attention.
void reference_row(const Heads& heads, const Tokens& tokens, std::span<const std::int32_t> seen,
                   Bytes bytes, const float* q, double* value, double* bound) {
  const std::int64_t size = heads.head_size;
  std::vector<double> magnitude(at(size)), variance(at(size));
  for (std::int64_t h = 0; h < heads.heads; ++h) {
    const std::int64_t first = h / heads.group() * size;
    Head head{.size = size,
              .stride = heads.kv_width(),
              .q = q + h * size,
              .k = tokens.k + first,
              .v = tokens.v + first,
              .seen = seen};
    double *to = value + h * size, *limit = bound + h * size;
    std::fill_n(to, size, 0.0);
    std::ranges::fill(magnitude, 0.0);
    std::ranges::fill(variance, 0.0);
    head.weigh();
    head.value(to, magnitude.data());
    head.add_variance(bytes, to, variance.data());
    const double units =
        2.0 * head.score_error + 2.0 * dot_bound(static_cast<double>(seen.size()), 1.0) + 40.0;
    for (std::int64_t d = 0; d < size; ++d) {
      limit[d] =
          unit_roundoff(DType::kF32) * units * magnitude[at(d)] + 6.0 * std::sqrt(variance[at(d)]);
    }
  }
}

std::vector<std::int32_t> tokens_between(std::int64_t begin, std::int64_t end) {
  std::vector<std::int32_t> tokens(at(end - begin));
  std::iota(tokens.begin(), tokens.end(), static_cast<std::int32_t>(begin));
  return tokens;
}

}  // namespace aisp::kernels::eager_attention
