// For the tests of the skinny products, plain and quantised: what C should be, in double, with the
// bound of the contracts for each element.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/dtype.h"
#include "base/numeric.h"
#include "base/rng.h"

namespace aisp::kernels::gemm_skinny_cuda {

struct TestProblem {
  std::int64_t m = 0, n = 0, k = 0;
  bool gated = false;
  std::vector<bf16> a;         // m x k
  std::vector<double> w;       // n x k
  std::vector<double> size;    // what |w| counts as in the bound, like w; or empty
  std::vector<bf16> bias;      // n, or empty
  std::vector<bf16> residual;  // like C, or empty
  std::int64_t columns() const { return gated ? n / 2 : n; }
};

inline std::vector<bf16> normal_bf16(std::int64_t count, std::uint64_t seed, float deviation) {
  std::vector<float> wide(static_cast<std::size_t>(count));
  fill_normal(wide, seed, deviation);
  return {wide.begin(), wide.end()};
}
inline double value(bf16 x) { return static_cast<double>(static_cast<float>(x)); }

struct Expected {
  std::vector<double> value, bound;
};

/// A sum of k products in f32 errs by dot_bound(k, 2^-24) of its size (a tensor core may cut
/// instead of rounding the bits it drops: twice the unit), one more addition for the bias; the
/// slope of silu is at most 1.1 and expf and the divisions err by 8 units in the last place; the
/// residual's addition and the rounding to bf16 take 2^-24 and 2^-8 of the result.
inline Expected expected(const TestProblem& p) {
  Expected out;
  const double sum_bound = dot_bound(static_cast<double>(p.k), 0x1p-23);
  std::vector<double> sum(static_cast<std::size_t>(p.n)), error(sum.size());
  for (std::int64_t i = 0; i < p.m; ++i) {
    std::vector<double> a(static_cast<std::size_t>(p.k));
    for (std::int64_t k = 0; k < p.k; ++k) a[k] = value(p.a[static_cast<std::size_t>(i * p.k + k)]);
    for (std::int64_t j = 0; j < p.n; ++j) {
      double dot = 0.0, size = 0.0;
      const double* w = p.w.data() + j * p.k;
      for (std::int64_t k = 0; k < p.k; ++k) {
        dot += a[k] * w[k];
        size += std::fabs(a[k] * (p.size.empty() ? w[k] : p.size[j * p.k + k]));
      }
      if (!p.bias.empty()) dot += value(p.bias[j]);
      sum[j] = dot;
      error[j] = sum_bound * size + 0x1p-23 * std::fabs(dot);
    }
    for (std::int64_t j = 0; j < p.columns(); ++j) {
      double result = sum[j], bound = error[j];
      if (p.gated) {
        const double gate = sum[j], up = sum[j + p.n / 2];
        const double silu = gate / (1.0 + std::exp(-gate));
        result = silu * up;
        bound = 1.1 * error[j] * std::fabs(up) + std::fabs(silu) * error[j + p.n / 2] +
                8 * 0x1p-23 * std::fabs(result);
      }
      if (!p.residual.empty()) {
        result += value(p.residual[static_cast<std::size_t>(i * p.columns() + j)]);
      }
      out.value.push_back(result);
      out.bound.push_back(1.01 * (bound + (0x1p-8 + 0x1p-24) * std::fabs(result)) + 1e-38);
    }
  }
  return out;
}

/// Errors within the bounds one by one; their root mean square within 0.6 of them: rounding to bf16
/// alone takes 0.3 to 0.4, and a bf16 sum would take more than 1.
inline Comparison compare_with(const Expected& want, const std::vector<bf16>& got) {
  return compare(got.data(), DType::kBF16, want.value.size(), {want.value, want.bound},
                 {.relative = 1.0, .rms = 0.6});
}

}  // namespace aisp::kernels::gemm_skinny_cuda
