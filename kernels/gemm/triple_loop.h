// The definition of a matrix product as a program: i, j, k, one dot product for each element of C,
// B read down its columns. What a first course and many a hand-written layer ship; the baseline of
// the labs about tiles. Source: Golub and Van Loan, "Matrix Computations" (2013), section 1.1.
#pragma once

#include <cstdint>

namespace aisp::kernels::gemm {

/// C[m,n] = A[m,k] B[k,n], tight rows, f32 sums in the order of k: error <= dot_bound(k, 2^-24)
/// sum |a b|. 2 m n k flops.
inline void triple_loop(std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                        const float* b, float* c) {
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      float sum = 0.0f;
      for (std::int64_t p = 0; p < k; ++p) sum += a[i * k + p] * b[p * n + j];
      c[i * n + j] = sum;
    }
  }
}

}  // namespace aisp::kernels::gemm
