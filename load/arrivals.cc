// See arrivals.h.
#include "load/arrivals.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace aisp::load {
namespace {

constexpr double kMostTokens = 1 << 20;

std::optional<double> length_of(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  if (!(value >= 1.0 && value <= kMostTokens)) return {};
  return value;
}

}  // namespace

double draw_gamma(Rng& rng, double shape) {
  if (shape < 1.0) {
    return draw_gamma(rng, shape + 1.0) * std::pow(1.0 - rng.uniform(), 1.0 / shape);
  }
  const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = rng.normal(), v = std::pow(1.0 + c * x, 3.0);
    if (v <= 0.0) continue;
    if (std::log(1.0 - rng.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

double Gaps::draw(Rng& rng) const {
  if (kind == Kind::kConstant) return 1.0 / rate;
  if (shape == 1.0) return -std::log(1.0 - rng.uniform()) / rate;
  return draw_gamma(rng, shape) / (shape * rate);
}

int Lengths::draw(Rng& rng) const {
  double length = a;
  if (kind == Kind::kUniform) {
    length = a + static_cast<double>(rng.below(static_cast<std::uint64_t>(b - a) + 1));
  } else if (kind == Kind::kLogNormal) {
    const double variance = std::log(1.0 + (b / a) * (b / a));
    length = std::exp(std::log(a) - variance / 2.0 + std::sqrt(variance) * rng.normal());
  }
  return static_cast<int>(std::clamp(std::round(length), 1.0, kMostTokens));
}

double Lengths::mean() const { return kind == Kind::kUniform ? (a + b) / 2.0 : a; }

Lengths parse_lengths(const std::string& text, const std::string& option) {
  const std::size_t mark = text.find_first_of("-~");
  const auto first = length_of(std::string_view(text).substr(0, mark));
  Lengths lengths;
  if (first && mark == std::string::npos) {
    lengths.a = *first;
    return lengths;
  }
  const auto second =
      mark == std::string::npos ? std::nullopt : length_of(std::string_view(text).substr(mark + 1));
  const bool uniform = mark != std::string::npos && text[mark] == '-';
  if (!first || !second || (uniform && *second < *first)) {
    throw UsageError("\"" + text + "\" is no number of tokens", option,
                     "write 128, 64-512 or 200~150 (mean and deviation), from 1 to 2^20");
  }
  return {uniform ? Lengths::Kind::kUniform : Lengths::Kind::kLogNormal, *first, *second};
}

}  // namespace aisp::load
