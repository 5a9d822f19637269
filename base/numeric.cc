// Comparison with a reference. One pass; the type is dispatched outside the loop.
#include "base/numeric.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"

namespace aisp {
namespace {

/// IEEE binary16 to double, exact.
double half_to_double(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  double value = 0.0;
  if (exponent == 31) {
    value = mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                          : std::numeric_limits<double>::infinity();
  } else if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

struct Half {
  std::uint16_t bits;
};

template <class T>
double as_double(T value) {
  if constexpr (std::is_same_v<T, bf16>) {
    return static_cast<float>(value);
  } else if constexpr (std::is_same_v<T, Half>) {
    return half_to_double(value.bits);
  } else {
    return static_cast<double>(value);
  }
}

template <class T>
Comparison compare_as(const T* got, std::size_t count, const ExpectedView& want,
                      const Tolerance& tolerance, bool skip_nonfinite) {
  Comparison result;
  result.count = count;
  double sum_of_squares = 0.0;
  std::size_t finite = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = as_double(got[i]);
    const double expected = want.value[i];
    if (value == expected) {
      ++finite;
      continue;
    }
    if (!std::isfinite(value) || !std::isfinite(expected)) {
      if (std::isnan(value) && std::isnan(expected)) continue;
      if (skip_nonfinite) continue;
      ++result.wrong;
      ++result.nonfinite;
      if (!std::isinf(result.worst_in_bounds)) {
        result.worst_in_bounds = std::numeric_limits<double>::infinity();
        result.worst_index = i;
        result.worst_got = value;
        result.worst_want = expected;
      }
      continue;
    }
    const double scale = want.scale.empty() ? std::fabs(expected) : want.scale[i];
    const double bound = tolerance.relative * scale + tolerance.absolute;
    const double error = std::fabs(value - expected);
    const double in_bounds = bound > 0.0 ? error / bound : std::numeric_limits<double>::infinity();
    ++finite;
    if (in_bounds > 1.0) ++result.wrong;
    if (std::isfinite(in_bounds)) sum_of_squares += in_bounds * in_bounds;
    if (in_bounds > result.worst_in_bounds) {
      result.worst_in_bounds = in_bounds;
      result.worst_index = i;
      result.worst_got = value;
      result.worst_want = expected;
    }
  }
  if (finite > 0) result.rms_in_bounds = std::sqrt(sum_of_squares / static_cast<double>(finite));
  // Few elements scatter: four standard errors of room.
  const double room = 1.0 + 4.0 / std::sqrt(static_cast<double>(std::max<std::size_t>(finite, 1)));
  result.rms_exceeded = result.rms_in_bounds > std::min(1.0, tolerance.rms * room);
  return result;
}

}  // namespace

Comparison compare(const void* got, DType type, std::size_t count, const ExpectedView& want,
                   const Tolerance& tolerance, bool skip_nonfinite) {
  check(want.value.size() == count, "reference has another element count than the output");
  check(want.scale.empty() || want.scale.size() == count, "scale has another element count");
  const auto as = [&](auto tag) {
    using T = decltype(tag);
    return compare_as(static_cast<const T*>(got), count, want, tolerance, skip_nonfinite);
  };
  switch (type) {
    case DType::kF64:
      return as(double{});
    case DType::kF32:
      return as(float{});
    case DType::kF16:
      return as(Half{});
    case DType::kBF16:
      return as(bf16{});
    case DType::kI64:
      return as(std::int64_t{});
    case DType::kI32:
      return as(std::int32_t{});
    case DType::kI8:
      return as(std::int8_t{});
    case DType::kU8:
      return as(std::uint8_t{});
    case DType::kU16:
      return as(std::uint16_t{});
    case DType::kU32:
      return as(std::uint32_t{});
  }
  check(false, "unknown dtype");
  return {};
}

std::string describe(const Comparison& comparison) {
  if (comparison.wrong > 0) {
    return fmt::format(
        "{} of {} wrong, worst at [{}]: got {:.9g}, want {:.9g}, {:.3g} times the bound",
        comparison.wrong, comparison.count, comparison.worst_index, comparison.worst_got,
        comparison.worst_want, comparison.worst_in_bounds);
  }
  if (comparison.rms_exceeded) {
    return fmt::format(
        "every element within its bound, but the rms error is {:.3g} of the bound: lower precision "
        "than declared",
        comparison.rms_in_bounds);
  }
  return fmt::format("{} elements right, worst at {:.3g} of the bound, rms {:.3g}",
                     comparison.count, comparison.worst_in_bounds, comparison.rms_in_bounds);
}

}  // namespace aisp
