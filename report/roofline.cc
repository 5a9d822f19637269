// See roofline.h.
#include "report/roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/units.h"
#include "report/markup.h"
#include "report/roofline_data.h"

namespace aisp::report {
namespace {

using Frame = RooflineFrame;

constexpr double kDegrees = 180.0 / std::numbers::pi;
constexpr double kLetter = 6.3;  // width of a letter of a label, about

std::string draw_grid(const RooflineData& data) {
  std::string out;
  for (const double value : ticks(data.x, 12)) {
    const double x = data.x.at(value);
    out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}V{:.0f}\"/>", x, data.top,
                       Frame::bottom);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{:g}</text>", x,
                       Frame::bottom + 18.0, value);
  }
  for (const double value : ticks(data.y, 8)) {
    const double y = data.y.at(value);
    out += fmt::format("<path class=\"grid\" d=\"M{:.0f} {:.1f}H{:.0f}\"/>", Frame::left, y,
                       Frame::right);
    out += fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>",
                       Frame::left - 8.0, y + 4.0, value);
  }
  out += fmt::format(
      "<text class=\"name\" x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">FLOP per byte read "
      "or written</text>",
      (Frame::left + Frame::right) / 2.0, Frame::bottom + 40.0);
  return out + fmt::format(
                   "<text class=\"name\" transform=\"translate(14 {:.0f}) rotate(-90)\" "
                   "text-anchor=\"middle\">GFLOP/s</text>",
                   (data.top + Frame::bottom) / 2.0);
}

// The highest compute roof of a thread count; 0 when none is known.
double top_of(const RooflineData& data, int threads) {
  double top = 0.0;
  for (const Roof& roof : data.compute) {
    if (roof.threads == threads) top = std::max(top, roof.value);
  }
  return top;
}

// Lines from where the bandwidth roof enters the figure up to the highest compute roof.
std::string draw_bandwidth(const RooflineData& data) {
  const double per_x = (Frame::right - Frame::left) / std::log(data.x.high / data.x.low);
  const double per_y = (Frame::bottom - data.top) / std::log(data.y.high / data.y.low);
  const double slope = std::atan2(per_y, per_x);
  std::string out;
  // Of the line above: its height at the left edge and the end of its label.
  double last_y = -1e9, last_end = 0.0;
  for (const Roof& roof : data.bandwidth) {
    const double highest = top_of(data, roof.threads);
    const double top = highest > 0.0 ? highest : data.y.high;
    const double x0 = std::max(data.x.low, data.y.low / roof.value);
    const double x1 = std::min(data.x.high, top / roof.value);
    if (!(x0 < x1)) continue;
    const double px = data.x.at(x0), py = data.y.at(x0 * roof.value);
    const std::string title =
        fmt::format("{}: {}", escape(roof.title), format_rate(roof.value * 1e9, "B/s"));
    out += fmt::format(
        "<path class=\"roof{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"><title>{}</title></path>",
        roof.main ? "" : " other", px, py, data.x.at(x1), data.y.at(x1 * roof.value), title);
    const std::string label =
        fmt::format("{} {}", escape(roof.label), format_rate(roof.value * 1e9, "B/s"));
    // A label starts at the left, or behind that of the line above when the two lines are close.
    const bool close = (py - last_y) * std::cos(slope) < Frame::line;
    const double begin = close ? last_end + 12.0 : 6.0;
    last_y = py;
    last_end = begin + kLetter * static_cast<double>(label.size());
    out += fmt::format(
        "<text class=\"label\" transform=\"translate({:.1f} {:.1f}) rotate({:.1f})\" "
        "y=\"-4\">{}</text>",
        px + begin * std::cos(slope), py - begin * std::sin(slope), -slope * kDegrees, label);
  }
  return out;
}

std::string draw_compute(const RooflineData& data) {
  std::string out;
  double last = -1e9;
  for (const Roof& roof : data.compute) {  // from the highest down
    const double y = data.y.at(roof.value);
    double widest = 0.0;
    for (const Roof& slope : data.bandwidth) {
      if (slope.threads == roof.threads) widest = std::max(widest, slope.value);
    }
    const double from = widest > 0.0 ? std::max(data.x.low, roof.value / widest) : data.x.low;
    const bool top = roof.value >= top_of(data, roof.threads);
    const std::string rate = format_rate(roof.value * 1e9, "FLOP/s");
    out += fmt::format(
        "<path class=\"roof{}{}\" d=\"M{:.1f} {:.1f}H{:.0f}\"><title>{}: {}</title></path>",
        roof.main ? "" : " other", top ? "" : " lesser", data.x.at(from), y, Frame::right,
        escape(roof.title), rate);
    last = std::max(y, last + Frame::line);
    out +=
        fmt::format("<text class=\"label\" x=\"{:.0f}\" y=\"{:.1f}\">{} <tspan>{}</tspan></text>",
                    Frame::right + 8.0, last + 4.0, escape(roof.label), rate);
  }
  return out;
}

std::string draw_stems(const RooflineData& data) {
  std::string out;
  for (const Stem& stem : data.stems) {
    const double x = data.x.at(stem.intensity);
    const double y = data.top - 4.0 - Frame::line * static_cast<double>(stem.row);
    out += fmt::format("<path class=\"stem\" d=\"M{:.1f} {:.1f}V{:.0f}\"/>", x, data.top,
                       Frame::bottom);
    out += fmt::format(
        "<text class=\"number\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", x, y,
        stem.number);
  }
  return out;
}

// Shapes carry the verdict without colour: ring, disc, triangle, diamond.
std::string draw_shape(State state, double x, double y) {
  switch (state) {
    case State::kBaseline:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"7\"/>", x, y);
    case State::kFaster:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"/>", x, y);
    case State::kSlower:
      return fmt::format("<path d=\"M{:.1f} {:.1f}h11l-5.5 10z\"/>", x - 5.5, y - 4.0);
    default:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l5.5 5.5-5.5 5.5-5.5-5.5z\"/>", x, y - 5.5);
  }
}

std::string draw_point(const RooflineData& data, const Point& point) {
  const bench::TechniqueResult& t = *point.row->technique;
  const std::string title =
      fmt::format("{}, {}: {} ({}), {} FLOP per byte, {}", escape(point.view->result->lab),
                  escape(point.view->result->case_name), escape(t.name), name(point.row->state),
                  format_number(point.x), format_rate(point.y * 1e9, "FLOP/s"));
  return fmt::format(
      "<a href=\"#{}\" class=\"point {}{}\" aria-label=\"{}\"><title>{}</title>{}</a>",
      point.view->id, name(point.row->state), point.row->peer ? " peer" : "", title, title,
      draw_shape(point.row->state, data.x.at(point.x), data.y.at(point.y)));
}

// The rings of the baselines last, around what lies on the same spot.
std::string draw_points(const RooflineData& data) {
  std::string points, rings;
  for (const Point& point : data.points) {
    (point.row->state == State::kBaseline ? rings : points) += draw_point(data, point);
  }
  return points + rings;
}

std::string caption(const RooflineData& data, bool no_roofs) {
  std::string out = fmt::format(
      "Lines: what {} of this machine {} measured to do at most; dashed: with another number of "
      "threads. Points: techniques (ring: baseline, disc: faster, triangle: slower, diamond: "
      "other), under the number of their case.",
      data.threads == 1 ? "one thread" : fmt::format("{} threads", data.threads),
      data.threads == 1 ? "was" : "were");
  if (no_roofs) out = "This run has no measured ceilings.";
  const bool below = std::any_of(data.points.begin(), data.points.end(),
                                 [&](const Point& point) { return point.y < data.y.low; });
  if (below) out += " What lies below the figure stands on its lower edge.";
  if (data.without_flops > 0) {
    out += fmt::format(" {} case{} without floating-point work {} in the tables only.",
                       data.without_flops, data.without_flops == 1 ? "" : "s",
                       data.without_flops == 1 ? "is" : "are");
  }
  return out;
}

std::string list_cases(const RooflineData& data) {
  if (data.stems.empty()) return "";
  std::string out = "<ol class=\"cases\">";
  for (const Stem& stem : data.stems) {
    const bench::CaseResult& result = *stem.view->result;
    out += fmt::format("<li><a href=\"#{}\">{} {}</a> <small>{}, {} FLOP/B</small></li>",
                       stem.view->id, escape(result.lab), escape(result.case_name),
                       escape(result.size), format_number(stem.intensity));
  }
  return out + "</ol>";
}

}  // namespace

std::string draw_roofline(const Model& model, const bench::Json& header) {
  const RooflineData data = collect_roofline(model, header);
  const bool no_roofs = data.compute.empty() && data.bandwidth.empty();
  if (no_roofs && data.points.empty()) {
    return "<p class=\"muted\">No measured ceilings and no case with flops in this run.</p>";
  }
  std::string out = fmt::format(
      "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Roofline\">"
      "<svg class=\"roofline\" role=\"group\" aria-label=\"Roofline of the run\" "
      "viewBox=\"0 0 {:.0f} {:.0f}\">",
      Frame::width, Frame::height);
  out += draw_grid(data) + draw_stems(data) + draw_bandwidth(data) + draw_compute(data) +
         draw_points(data);
  return out + "</svg></div><figcaption>" + caption(data, no_roofs) + "</figcaption>" +
         list_cases(data) + "</figure>";
}

}  // namespace aisp::report
