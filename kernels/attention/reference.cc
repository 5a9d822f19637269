// The formula in double with the bound of its f32 evaluation. Slow and plain on purpose.
#include <cmath>
#include <limits>
#include <vector>

#include "base/numeric.h"
#include "kernels/attention/attention.h"

namespace aisp::kernels::attention {
namespace {

/// Four partial sums, so that the reference is affordable; order is no matter in double.
struct Dot {
  double value = 0.0, magnitude = 0.0;
};
Dot dot(const float* a, const float* b, std::size_t n) {
  double value[4] = {}, magnitude[4] = {};
  for (std::size_t i = 0; i < n; ++i) {
    const double term = static_cast<double>(a[i]) * static_cast<double>(b[i]);
    value[i % 4] += term;
    magnitude[i % 4] += std::fabs(term);
  }
  return {value[0] + value[1] + value[2] + value[3],
          magnitude[0] + magnitude[1] + magnitude[2] + magnitude[3]};
}

/// Error bound of one output in units of u. A score s_j has an error of at most
/// e_j = 6 sqrt(D + 2) scale sum|q k| + |s_j| + |s_j - max| (dot product, scale, subtraction of the
/// maximum), which moves e^s_j by the factor 1 + e_j u. Through numerator and denominator o moves
/// by at most sum_j p_j e_j (|v_j| + |o|), taken as 2 (sum_j p_j e_j) (sum_j p_j |v_j|); the sums
/// over keys add 6 sqrt(keys + 2) each and the exponentials, rescaling and division 16.
struct Row {
  std::vector<double> p;     // probabilities of the visible keys
  double score_error = 0.0;  // sum_j p_j e_j
};
Row probabilities(const float* q, const float* k, std::size_t keys, std::size_t D, double scale) {
  Row row;
  row.p.resize(keys);
  std::vector<double> error(keys);
  double max = -std::numeric_limits<double>::infinity(), sum = 0.0;
  for (std::size_t j = 0; j < keys; ++j) {
    const Dot score = dot(q, k + j * D, D);
    row.p[j] = score.value * scale;
    error[j] = dot_bound(static_cast<double>(D), 1.0) * score.magnitude * scale;
    max = std::fmax(max, row.p[j]);
  }
  for (std::size_t j = 0; j < keys; ++j) {
    error[j] += std::fabs(row.p[j]) + (max - row.p[j]);
    row.p[j] = std::exp(row.p[j] - max);
    sum += row.p[j];
  }
  for (std::size_t j = 0; j < keys; ++j) {
    row.p[j] /= sum;
    if (row.p[j] > 0.0) row.score_error += row.p[j] * error[j];
  }
  return row;
}

}  // namespace

void reference(const Shape& shape, const Arrays& arrays, float scale, std::span<double> value,
               std::span<double> bound) {
  const auto D = static_cast<std::size_t>(shape.D);
  const std::int64_t capacity = shape.capacity != 0 ? shape.capacity : shape.keys;
  const double factor =
      scale != 0.0f ? static_cast<double>(scale) : 1.0 / std::sqrt(static_cast<double>(shape.D));
  for (std::int64_t row_index = 0; row_index < shape.heads * shape.queries; ++row_index) {
    const std::int64_t head = row_index / shape.queries, i = row_index % shape.queries;
    const std::int64_t group = head / (shape.heads / shape.kv_heads);
    const auto keys =
        static_cast<std::size_t>(shape.causal ? i + 1 + shape.keys - shape.queries : shape.keys);
    const float* v = arrays.v + group * capacity * shape.D;
    const Row row = probabilities(arrays.q + row_index * shape.D,
                                  arrays.k + group * capacity * shape.D, keys, D, factor);
    double* sum = value.data() + static_cast<std::size_t>(row_index) * D;
    double* limit = bound.data() + static_cast<std::size_t>(row_index) * D;
    for (std::size_t d = 0; d < D; ++d) sum[d] = limit[d] = 0.0;
    for (std::size_t j = 0; j < keys; ++j) {
      for (std::size_t d = 0; d < D; ++d) {
        const double term = row.p[j] * static_cast<double>(v[j * D + d]);
        sum[d] += term;
        limit[d] += std::fabs(term);
      }
    }
    const double units =
        2.0 * row.score_error + 2.0 * dot_bound(static_cast<double>(keys), 1.0) + 16.0;
    for (std::size_t d = 0; d < D; ++d) limit[d] *= units;
  }
}

}  // namespace aisp::kernels::attention
