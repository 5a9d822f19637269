// The small drawings of the tables: the axis and bar of a speed-up interval and the strip of raw
// samples. Plain SVG text, coloured by the page's CSS classes; each carries its numbers as a label.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/interval.h"

namespace aisp::report {

/// Maps [low, high], both above 0, to [left, right] pixels by logarithm. Values outside are
/// clamped.
struct LogAxis {
  double low = 0.5;
  double high = 2.0;
  double left = 0.0;
  double right = 100.0;
  double at(double value) const;
};

/// Round values within the axis, the finest set that has at most `most` of them.
std::vector<double> ticks(const LogAxis& axis, std::size_t most);

/// An axis that holds 1 and every finite end, with a little room on both sides.
LogAxis speedup_axis(std::span<const Interval> speedups);

/// The tick labels that stand above the bars of one table.
std::string draw_axis(const LogAxis& axis);

/// One interval: the margin band around 1, the bar from low to high (an arrow at an open end) and a
/// mark at the estimate. `style` is a CSS class; `label` is read out and must be escaped already.
std::string draw_interval(const LogAxis& axis, const Interval& speedup, double margin,
                          const std::string& style, const std::string& label);

/// The common horizontal scale of the strips of one table, as sample over its own median.
struct StripScale {
  double low = 0.98;
  double high = 1.02;
};
StripScale strip_scale(std::span<const std::vector<double>> samples);

/// Histogram of samples over their median; what lies outside the scale is in the edge bins.
/// Empty without samples.
std::string draw_strip(const StripScale& scale, std::span<const double> samples);

}  // namespace aisp::report
