// See svg.h. Coordinates have one decimal, which makes the text the same on every machine.
#include "report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/units.h"

namespace aisp::report {
namespace {

constexpr double kBarWidth = 190.0, kBarHeight = 22.0;
constexpr double kStripWidth = 110.0, kStripHeight = 24.0;
constexpr std::size_t kBins = 44;
// A bar narrower than this could not be seen: intervals of 0.1 % on an axis of decades.
constexpr double kLeastBar = 2.0;

bool usable(double value) { return std::isfinite(value) && value > 0.0; }

// Multiples of `step` within the axis, or powers of `base` when step is 0.
std::vector<double> candidates(const LogAxis& axis, double step, double base) {
  std::vector<double> found;
  const double low = axis.low * (1.0 - 1e-9), high = axis.high * (1.0 + 1e-9);
  if (step > 0.0) {
    const double count = (high - low) / step;
    if (count > 50.0) return std::vector<double>(51);
    for (double k = std::ceil(low / step); k * step <= high; ++k) found.push_back(k * step);
  } else {
    const double first = std::ceil(std::log(low) / std::log(base) - 1e-9);
    for (double k = first; std::pow(base, k) <= high; ++k) found.push_back(std::pow(base, k));
  }
  std::erase_if(found, [](double value) { return value <= 0.0; });
  return found;
}

}  // namespace

double LogAxis::at(double value) const {
  const double clamped = std::clamp(value, low, high);
  return left + (right - left) * std::log(clamped / low) / std::log(high / low);
}

std::vector<double> ticks(const LogAxis& axis, std::size_t most) {
  struct Choice {
    double step, base;
  };
  // From fine to coarse; linear steps only make sense within two octaves.
  static constexpr std::array kChoices{Choice{0.01, 0}, Choice{0.02, 0}, Choice{0.05, 0},
                                       Choice{0.1, 0},  Choice{0.2, 0},  Choice{0.5, 0},
                                       Choice{0, 2},    Choice{0, 4},    Choice{0, 10},
                                       Choice{0, 100},  Choice{0, 1e3},  Choice{0, 1e6}};
  const bool near = axis.high / axis.low <= 4.0;
  for (const auto& [step, base] : kChoices) {
    if (step > 0.0 && !near) continue;
    auto found = candidates(axis, step, base);
    if (found.size() <= most) return found;
  }
  return {1.0};
}

LogAxis speedup_axis(std::span<const Interval> speedups) {
  double low = 1.0 / 1.05, high = 1.05;
  for (const Interval& interval : speedups) {
    for (const double value : {interval.low, interval.estimate, interval.high}) {
      if (!usable(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  const double room = std::pow(high / low, 0.04);
  return {std::max(low / room, 1e-6), std::min(high * room, 1e6), 2.0, kBarWidth - 2.0};
}

std::string draw_axis(const LogAxis& axis) {
  std::string out = fmt::format(
      "<svg class=\"axis\" width=\"{0:.0f}\" height=\"16\" viewBox=\"0 0 {0:.0f} 16\" "
      "aria-hidden=\"true\">",
      kBarWidth);
  for (const double value : ticks(axis, 6)) {
    const double x = axis.at(value);
    // Labels at the ends would be cut: keep them inside.
    const char* anchor = x < 14.0 ? "start" : x > kBarWidth - 16.0 ? "end" : "middle";
    out += fmt::format("<text x=\"{:.1f}\" y=\"10\" text-anchor=\"{}\">{}x</text>", x, anchor,
                       fmt::format("{:.4g}", value));
    out += fmt::format("<path d=\"M{:.1f} 12v4\"/>", x);
  }
  return out + "</svg>";
}

std::string draw_interval(const LogAxis& axis, const Interval& speedup, double margin,
                          const std::string& style, const std::string& label) {
  const double middle = kBarHeight / 2.0;
  std::string out = fmt::format(
      "<svg class=\"interval {0}\" role=\"img\" aria-label=\"{1}\" width=\"{2:.0f}\" "
      "height=\"{3:.0f}\" viewBox=\"0 0 {2:.0f} {3:.0f}\"><title>{1}</title>",
      style, label, kBarWidth, kBarHeight);
  const double band = usable(margin) ? margin : 0.0;
  const double band_left = axis.at(1.0 / (1.0 + band)), band_right = axis.at(1.0 + band);
  out +=
      fmt::format("<rect class=\"band\" x=\"{:.1f}\" y=\"0\" width=\"{:.1f}\" height=\"{:.0f}\"/>",
                  band_left, std::max(band_right - band_left, 1.0), kBarHeight);
  out += fmt::format("<path class=\"one\" d=\"M{:.1f} 0v{:.0f}\"/>", axis.at(1.0), kBarHeight);
  if (usable(speedup.estimate)) {
    const bool open_low = !usable(speedup.low), open_high = !usable(speedup.high);
    double left = open_low ? axis.left : axis.at(speedup.low);
    double right = open_high ? axis.right : axis.at(speedup.high);
    const double at = axis.at(speedup.estimate);
    // From 1 to the estimate: how much; the bar around the estimate: how sure.
    out += fmt::format("<path class=\"reach\" d=\"M{:.1f} {:.0f}H{:.1f}\"/>", axis.at(1.0), middle,
                       at);
    if (right - left < kLeastBar) {
      left = at - kLeastBar / 2.0;
      right = at + kLeastBar / 2.0;
    }
    out += fmt::format(
        "<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"8\" rx=\"1\"/>",
        left, middle - 4.0, right - left);
    if (open_low) out += fmt::format("<path class=\"open\" d=\"M6 {:.0f}l-5 5 5 5\"/>", middle - 5);
    if (open_high) {
      out += fmt::format("<path class=\"open\" d=\"M{:.0f} {:.0f}l5 5-5 5\"/>", kBarWidth - 6.0,
                         middle - 5);
    }
    out += fmt::format("<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.0f}\" r=\"3.5\"/>", at, middle);
  }
  return out + "</svg>";
}

StripScale strip_scale(std::span<const std::vector<double>> samples) {
  StripScale scale;
  for (const auto& of_one : samples) {
    const double middle = median(of_one);
    if (of_one.size() < 2 || !usable(middle)) continue;
    scale.low = std::min(scale.low, quantile(of_one, 0.01) / middle);
    scale.high = std::max(scale.high, quantile(of_one, 0.99) / middle);
  }
  scale.low = std::max(scale.low, 0.5);
  scale.high = std::min(scale.high, 2.0);
  return scale;
}

std::string draw_strip(const StripScale& scale, std::span<const double> samples) {
  const double middle = median(samples);
  if (samples.empty() || !usable(middle)) return "";
  std::array<std::size_t, kBins> counts{};
  for (const double sample : samples) {
    const double share = (sample / middle - scale.low) / (scale.high - scale.low);
    counts[static_cast<std::size_t>(std::clamp(share, 0.0, 0.999999) * kBins)]++;
  }
  const std::size_t most = *std::max_element(counts.begin(), counts.end());
  const std::string label = fmt::format(
      "{} samples: least {}, median {}, 99 % below {}, most {}; drawn from {:.2f} to {:.2f} of the "
      "median",
      samples.size(), format_time(*std::min_element(samples.begin(), samples.end())),
      format_time(middle), format_time(quantile(samples, 0.99)),
      format_time(*std::max_element(samples.begin(), samples.end())), scale.low, scale.high);
  std::string out = fmt::format(
      "<svg class=\"strip\" role=\"img\" aria-label=\"{0}\" width=\"{1:.0f}\" height=\"{2:.0f}\" "
      "viewBox=\"0 0 {1:.0f} {2:.0f}\"><title>{0}</title><path class=\"ground\" d=\"M0 "
      "{3:.1f}H{1:.0f}\"/><path class=\"bins\" d=\"",
      label, kStripWidth, kStripHeight, kStripHeight - 0.5);
  const double bin = kStripWidth / kBins;
  for (std::size_t i = 0; i < kBins; ++i) {
    if (counts[i] == 0) continue;
    // Square root: a bin of a single sample stays visible beside a bin of a hundred.
    const double height = (kStripHeight - 2.0) *
                          std::sqrt(static_cast<double>(counts[i]) / static_cast<double>(most));
    out += fmt::format("M{:.1f} {:.1f}v-{:.1f}h{:.1f}v{:.1f}z", static_cast<double>(i) * bin,
                       kStripHeight - 1.0, height, bin - 0.4, height);
  }
  const double x = kStripWidth * (1.0 - scale.low) / (scale.high - scale.low);
  return out +
         fmt::format("\"/><path class=\"median\" d=\"M{:.1f} 0v{:.0f}\"/></svg>", x, kStripHeight);
}

}  // namespace aisp::report
