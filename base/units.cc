// See units.h. fmt formats without the locale unless asked, which is why it is used here.
#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <span>

namespace aisp {
namespace {

// Decimals that leave three significant digits of a value already rounded to three.
int decimals_of(double value) {
  if (value == 0.0) return 0;
  // 99.96 must count as 100: round first, then look at the magnitude.
  const int magnitude = static_cast<int>(std::floor(std::log10(std::fabs(value))));
  const double step = std::pow(10.0, magnitude - 2);
  const double rounded = std::round(std::fabs(value) / step) * step;
  const int after = static_cast<int>(std::floor(std::log10(rounded) + 1e-12));
  return std::max(0, 2 - after);
}

// Beyond these no unit helps and a row of zeros does not either.
constexpr double kLeast = 1e-6, kMost = 1e15;

std::string three_digits(double value) {
  const double size = std::fabs(value);
  if (size >= kMost || (size > 0.0 && size < kLeast)) return fmt::format("{:.2e}", value);
  return fmt::format("{:.{}f}", value, decimals_of(value));
}

struct Scale {
  double size;
  const char* name;
};

// The largest unit that the value fills, counting what rounds up to it (999.7 ns is 1.00 µs).
const Scale& choose(std::span<const Scale> scales, double value) {
  for (std::size_t i = scales.size(); i-- > 1;) {
    if (std::fabs(value) >= scales[i].size * 0.9995) return scales[i];
  }
  return scales[0];
}

constexpr std::array kDecimal{Scale{1.0, ""},   Scale{1e3, "k"},  Scale{1e6, "M"}, Scale{1e9, "G"},
                              Scale{1e12, "T"}, Scale{1e15, "P"}, Scale{1e18, "E"}};

}  // namespace

std::string format_number(double value) {
  if (!std::isfinite(value)) return "-";
  // Beyond three digits before the point: whole numbers, still rounded to three digits.
  if (std::fabs(value) >= 999.5 && std::fabs(value) < kMost) {
    const double step = std::pow(10.0, std::floor(std::log10(std::fabs(value))) - 2.0);
    return fmt::format("{:.0f}", std::round(value / step) * step);
  }
  return three_digits(value);
}

std::string format_time(double nanoseconds) {
  static constexpr std::array kUnits{Scale{1.0, "ns"}, Scale{1e3, "µs"}, Scale{1e6, "ms"},
                                     Scale{1e9, "s"}};
  if (!std::isfinite(nanoseconds)) return "-";
  const Scale& unit = choose(kUnits, nanoseconds);
  return three_digits(nanoseconds / unit.size) + " " + unit.name;
}

std::string format_bytes(double bytes) {
  static constexpr std::array kUnits{Scale{0x1p0, "B"},    Scale{0x1p10, "KiB"},
                                     Scale{0x1p20, "MiB"}, Scale{0x1p30, "GiB"},
                                     Scale{0x1p40, "TiB"}, Scale{0x1p50, "PiB"}};
  if (!std::isfinite(bytes)) return "-";
  const Scale& unit = choose(kUnits, bytes);
  std::string digits = three_digits(bytes / unit.size);
  if (digits.find('.') != std::string::npos && digits.find('e') == std::string::npos) {
    while (digits.back() == '0') digits.pop_back();
    if (digits.back() == '.') digits.pop_back();
  }
  return digits + " " + unit.name;
}

std::string format_rate(double per_second, std::string_view unit) {
  if (!std::isfinite(per_second)) return "-";
  const Scale& scale = choose(kDecimal, per_second);
  const std::string digits = three_digits(per_second / scale.size);
  const bool joins = !unit.empty() && unit[0] >= 'A' && unit[0] <= 'Z';
  if (joins || *scale.name == '\0') return fmt::format("{} {}{}", digits, scale.name, unit);
  return fmt::format("{} {} {}", digits, scale.name, unit);
}

std::string format_count(double count) {
  if (!std::isfinite(count)) return "-";
  const Scale& scale = choose(kDecimal, count);
  if (*scale.name == '\0') {
    return count == std::floor(count) ? fmt::format("{:.0f}", count) : three_digits(count);
  }
  return three_digits(count / scale.size) + " " + scale.name;
}

namespace {
bool near_one(double ratio) { return ratio >= 0.9 && ratio < 1.1; }

std::string ratio_digits(double ratio, bool three_decimals) {
  if (!std::isfinite(ratio)) return "-";
  return three_decimals ? fmt::format("{:.3f}", ratio) : format_number(ratio);
}
}  // namespace

std::string format_ratio(double ratio) {
  return std::isfinite(ratio) ? ratio_digits(ratio, near_one(ratio)) + "x" : "-";
}

std::string format_ratio_interval(double low, double high) {
  if (!std::isfinite(low) && !std::isfinite(high)) return "-";
  const bool finer = near_one(low) || near_one(high);
  return fmt::format("[{}, {}]", ratio_digits(low, finer && low < 10.0),
                     ratio_digits(high, finer && high < 10.0));
}

std::string format_percent(double fraction) {
  const double percent = fraction * 100.0;
  return std::isfinite(percent) ? three_digits(percent) + " %" : "-";
}

}  // namespace aisp
