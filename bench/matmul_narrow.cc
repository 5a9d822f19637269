// The contract of products in narrow types. See matmul_narrow.h.
#include "bench/matmul_narrow.h"

#include <array>
#include <bit>
#include <cmath>

#include "base/rng.h"

namespace aisp::bench::matmul {
namespace {

/// e4m3: sign, 4 bits of exponent (bias 7), 3 of mantissa; no infinity.
float e4m3_value(std::uint8_t bits) {
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  const float magnitude = exponent == 0
                              ? std::ldexp(static_cast<float>(mantissa), -9)
                              : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

/// |value| <= 1, to the nearest, even on ties. A unit is 2^-9 below 2^-6.
std::uint8_t e4m3_of(float value) {
  const float magnitude = std::fabs(value);
  const std::uint8_t sign = std::signbit(value) ? 0x80 : 0;
  if (magnitude < 0x1p-6f) {
    return static_cast<std::uint8_t>(sign | static_cast<int>(std::nearbyint(magnitude * 0x1p9f)));
  }
  const auto wide = std::bit_cast<std::uint32_t>(magnitude);
  const std::uint32_t rounded = wide + 0x7ffffu + (wide >> 20 & 1u);  // 20 bits fall away
  return static_cast<std::uint8_t>(sign | ((rounded >> 20) - (120u << 3)));
}

std::vector<float> as_floats(const Io& io, std::size_t index, Narrow type) {
  std::vector<float> out;
  const auto take = [&](auto values, auto convert) {
    out.reserve(values.size());
    for (const auto value : values) out.push_back(convert(value));
  };
  switch (type) {
    case Narrow::kTf32:
      take(io.in<float>(index), [](float x) { return x; });
      break;
    case Narrow::kF16:
      take(io.in<f16>(index), [](f16 x) { return static_cast<float>(x); });
      break;
    case Narrow::kBF16:
      take(io.in<bf16>(index), [](bf16 x) { return static_cast<float>(x); });
      break;
    case Narrow::kE4M3:
      take(io.in<std::uint8_t>(index), e4m3_value);
      break;
  }
  return out;
}

/// Bound of the sum and the rounding of inputs, relative to s = sqrt(sum (a b)^2). The sum of the
/// magnitudes is at most sqrt(K) s (Cauchy-Schwarz). Tensor cores cut instead of rounding: 2^-23.
///
/// tf32: the errors of two roundings, 2^-10 of each product at most, are independent and centred:
/// 6 deviations are below 6 x 2^-10 s.
/// e4m3: an instruction of 32 products aligns them and the sum so far to the largest and cuts at 13
/// bits after the point: an error below 2^-13 of twice the largest. With partial sums that grow as
/// a random walk to 6 s, the K / 32 errors add up to 2/3 x 6 s x 2 x 2^-13 x K / 32 = K 2^-15 s.
double sum_bound(Narrow type, std::int64_t k) {
  const auto depth = static_cast<double>(k);
  const double sum = dot_bound(depth, 0x1p-23) * std::sqrt(depth);
  if (type == Narrow::kTf32) return sum + 6.0 * 0x1p-10;
  if (type == Narrow::kE4M3) return sum + depth * 0x1p-15;
  return sum;
}

void reference(const Params& p, const Io& io, bool by_columns, Expected& expected) {
  const auto m = static_cast<std::size_t>(p["M"]), n = static_cast<std::size_t>(p["N"]);
  const auto k = static_cast<std::size_t>(p["K"]);
  const std::vector<float> of_a = as_floats(io, 0, narrow(p)), of_b = as_floats(io, 1, narrow(p));
  const double rounding = narrow_rounding(narrow(p), p["K"]);
  auto& c = expected.outputs[0];
  c.scale.resize(m * n);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double sum = 0.0, squares = 0.0;
      for (std::size_t q = 0; q < k; ++q) {
        const double product =
            static_cast<double>(of_a[i * k + q]) * of_b[by_columns ? j * k + q : q * n + j];
        sum += product;
        squares += product * product;
      }
      c.value[i * n + j] = sum;
      c.scale[i * n + j] = std::sqrt(squares) + rounding * std::fabs(sum);
    }
  }
}

}  // namespace

DType input_type(Narrow type) { return type == Narrow::kE4M3 ? DType::kU8 : output_type(type); }
DType output_type(Narrow type) {
  if (type == Narrow::kTf32) return DType::kF32;
  return type == Narrow::kF16 ? DType::kF16 : DType::kBF16;
}

void fill_narrow(const Io& io, std::size_t index, Narrow type, std::uint64_t seed) {
  if (type == Narrow::kTf32) {
    fill_uniform(io.fill<float>(index), seed);
    return;
  }
  constexpr std::size_t kPart = 4096;
  std::array<float, kPart> values;
  const std::size_t count = io.in_bytes(index) / size_bytes(input_type(type));
  for (std::size_t from = 0; from < count; from += kPart) {
    const std::size_t here = std::min(kPart, count - from);
    fill_uniform(std::span(values).first(here), derive_seed(seed, from));
    for (std::size_t i = 0; i < here; ++i) {
      if (type == Narrow::kF16) io.fill<f16>(index)[from + i] = f16(values[i]);
      if (type == Narrow::kBF16) io.fill<bf16>(index)[from + i] = bf16(values[i]);
      if (type == Narrow::kE4M3) io.fill<std::uint8_t>(index)[from + i] = e4m3_of(values[i]);
    }
  }
}

void reference_by_columns(const Params& p, const Io& io, Expected& expected) {
  reference(p, io, true, expected);
}
void reference_by_rows(const Params& p, const Io& io, Expected& expected) {
  reference(p, io, false, expected);
}

/// The worst element: sum_bound() and the rounding of the result. rms: rounding the result shows
/// 0.42 of its own share of the bound, everything else less than 0.1 of the rest (tf32 inputs
/// 0.04). So bf16 in place of tf32 inputs (0.3), f16 sums (3) and a bf16 result for f16 (3 to 0.4)
/// are noticed.
Tolerance narrow_tolerance(Narrow type, std::int64_t k) {
  const double u = unit_roundoff(output_type(type)), sum = sum_bound(type, k);
  return {.relative = sum, .rms = 0.1 + 0.35 * u / (u + sum)};
}

double narrow_rounding(Narrow type, std::int64_t k) {
  return unit_roundoff(output_type(type)) / sum_bound(type, k);
}

Work narrow_work(const Params& p) {
  const auto m = static_cast<double>(p["M"]), n = static_cast<double>(p["N"]);
  const auto k = static_cast<double>(p["K"]);
  const auto in = static_cast<double>(size_bytes(input_type(narrow(p))));
  const auto out = static_cast<double>(size_bytes(output_type(narrow(p))));
  return {.flops = 2.0 * m * n * k,
          .flops_dtype = input_type(narrow(p)),
          .bytes_read = in * (m * k + k * n),
          .bytes_written = out * m * n,
          .items = m,
          .item_name = "tokens"};
}

}  // namespace aisp::bench::matmul
