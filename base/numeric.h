// Element-by-element comparison with a reference in wider precision, and the error bounds that
// labs and kernels derive their tolerances from.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/dtype.h"

namespace aisp {

/// What an output should be. `value[i]` in double. `scale[i]` >= 0 is the magnitude against which
/// a relative error of element i is meant (for a dot product: sum |a_j b_j|); empty: |value[i]|.
struct ExpectedView {
  std::span<const double> value;
  std::span<const double> scale;
};

/// An element is right when |got - value| <= relative * scale + absolute. The root mean square of
/// (got - value) / (relative * scale + absolute) must not exceed `rms` (1 switches that off): a
/// lower precision than declared often hides under a worst-case bound but not under this one. Over
/// n elements the limit is rms * (1 + 4 / sqrt(n)), at most 1.
struct Tolerance {
  double relative = 0.0;
  double absolute = 0.0;
  double rms = 1.0;
};

struct Comparison {
  std::size_t count = 0;        // elements compared
  std::size_t wrong = 0;        // elements beyond the bound
  std::size_t nonfinite = 0;    // NaN or Inf where the reference is finite (counted as wrong)
  std::size_t worst_index = 0;  // the element with the largest error in units of its bound
  double worst_got = 0.0;
  double worst_want = 0.0;
  double worst_in_bounds = 0.0;  // its error over its bound (Inf for a non-finite one)
  double rms_in_bounds = 0.0;    // root mean square of error over bound, finite elements
  bool rms_exceeded = false;
  bool ok() const { return wrong == 0 && !rms_exceeded; }
};

/// Compares `count` elements of `type` at `got` with `want`. NaN matches only NaN, an infinity only
/// the same infinity. O(count), one pass, no allocation. `skip_nonfinite` exists for the attack
/// suite alone: it is the mistake that the default protects from.
Comparison compare(const void* got, DType type, std::size_t count, const ExpectedView& want,
                   const Tolerance& tolerance, bool skip_nonfinite = false);

/// One line: "3 of 4096 wrong, worst at [17]: got 1.5, want 1.25, 40 times the bound".
std::string describe(const Comparison& comparison);

/// Bound on the rounding error of a length-n dot product or sum with unit roundoff u, relative to
/// sum |a_i b_i|: lambda * sqrt(n) * u with lambda = 6, failing with probability below 2 exp(-18)
/// per element for rounding errors independent with mean zero (any summation order).
/// Source: Higham and Mary, SIAM J. Sci. Comput. 41 (2019), theorem 2.4.
inline double dot_bound(double n, double u) { return 6.0 * std::sqrt(n + 2.0) * u; }

/// The worst-case companion gamma_n = n u / (1 - n u): holds always, but is too lax to notice a
/// lower precision. Source: Higham, Accuracy and Stability (2002), lemma 3.1.
inline double worst_dot_bound(double n, double u) { return n * u / (1.0 - n * u); }

}  // namespace aisp
