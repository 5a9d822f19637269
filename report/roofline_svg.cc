// See roofline_svg.h.
#include "report/roofline_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "report/markup.h"

namespace aisp::report {
namespace {

constexpr double kWidth = 720, kHeight = 400;  // of one panel
constexpr double kLeft = 64, kRight = 16, kTop = 34, kBottom = 44;

constexpr const char* kStyle =
    "<style>svg{background:#fff;color:#1b1f23;font:12px system-ui,sans-serif}"
    ".grid{stroke:#e3e4e6}.roof{stroke:#3a444f;stroke-width:1.6;fill:none}"
    ".lesser{stroke-opacity:.45}.point{fill:#0b62b8;fill-opacity:.8}"
    "text{fill:currentColor}.title{font-weight:600}.soft{fill:#5a626c}"
    "@media(prefers-color-scheme:dark){svg{background:#1a1d21;color:#e8eaed}"
    ".grid{stroke:#2d3238}.roof{stroke:#b9c2cc}.point{fill:#62aaf5}.soft{fill:#a0a9b4}}</style>";

struct Axis {
  double low = 1.0, high = 10.0, from = 0.0, to = 1.0;  // values, and the pixels they lie at
  double at(double value) const {
    return from + std::log(std::clamp(value, low, high) / low) / std::log(high / low) * (to - from);
  }
};

struct Frame {
  Axis x, y;
};

Frame frame_of(const Panel& panel, double top) {
  double most = 1e-9, x_low = panel.memory ? 1 << 16 : 0.25, x_high = panel.memory ? 1e9 : 8.0;
  for (const auto* roofs : {&panel.compute, &panel.bandwidth}) {
    for (const Roof& roof : *roofs) {
      if (panel.memory || roofs == &panel.compute) most = std::max(most, roof.value);
    }
  }
  double least = most;
  for (const Roof& roof : panel.bandwidth) {
    if (panel.memory) continue;
    x_high = std::max(x_high, 4.0 * most / roof.value);
    least = std::min(least, roof.value * x_low);
  }
  for (const Point& point : panel.points) {
    x_low = std::min(x_low, point.x / 1.5);
    x_high = std::max(x_high, point.x * 1.5);
    most = std::max(most, point.y);
    least = std::min(least, point.y);
  }
  const double y_high = most * 2.0;
  return {{x_low, x_high, kLeft, kWidth - kRight},
          {std::max(least / 1.5, y_high * 1e-6), y_high, top + kHeight - kBottom, top + kTop}};
}

std::string line(const Frame& frame, double x1, double y1, double x2, double y2, const char* kind) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>",
                     kind, frame.x.at(x1), frame.y.at(y1), frame.x.at(x2), frame.y.at(y2));
}

std::string words(double x, double y, const std::string& text, const char* more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>", x, y, more, escape(text));
}

std::string grid(const Panel& panel, const Frame& frame) {
  std::string out;
  for (double y = std::pow(10.0, std::ceil(std::log10(frame.y.low))); y <= frame.y.high; y *= 10) {
    out += line(frame, frame.x.low, y, frame.x.high, y, "grid");
    out += words(kLeft - 6, frame.y.at(y) + 4, format_number(y), "text-anchor=\"end\"");
  }
  const double step = panel.memory ? 16.0 : 4.0;
  const double first = std::pow(step, std::ceil(std::log(frame.x.low) / std::log(step)));
  for (double x = first; x <= frame.x.high; x *= step) {
    out += words(frame.x.at(x), frame.y.from + 16,
                 panel.memory ? format_bytes(x) : format_number(x), "text-anchor=\"middle\"");
  }
  out += words((kLeft + kWidth) / 2, frame.y.from + 34,
               panel.memory ? "working set" : "FLOP per byte read or written",
               "class=\"soft\" text-anchor=\"middle\"");
  return out;
}

std::string slopes(const Panel& panel, const Frame& frame) {
  std::string out;
  const double top = panel.compute.empty() ? frame.y.high : panel.compute.front().value;
  const double rise = (frame.y.from - frame.y.to) / std::log(frame.y.high / frame.y.low);
  const double run = (frame.x.to - frame.x.from) / std::log(frame.x.high / frame.x.low);
  for (const Roof& roof : panel.bandwidth) {
    const double x1 = std::max(frame.x.low, frame.y.low / roof.value);
    const double x2 = std::min(frame.x.high, top / roof.value);
    if (x1 >= x2) continue;
    out += line(frame, x1, x1 * roof.value, x2, x2 * roof.value, "roof");
    const double px = frame.x.at(x1) + 8, py = frame.y.at(x1 * roof.value) - 10;
    const std::string more = fmt::format("transform=\"rotate({:.1f} {:.1f} {:.1f})\"",
                                         -std::atan2(rise, run) * 180.0 / M_PI, px, py);
    out += words(px, py, roof.label, more.c_str());
  }
  return out;
}

std::string flats(const Panel& panel, const Frame& frame) {
  std::string out;
  const double widest = panel.bandwidth.empty() ? 0.0 : panel.bandwidth.front().value;
  bool first = true;
  for (const Roof& roof : panel.compute) {
    const double x1 = widest > 0.0 ? std::max(frame.x.low, roof.value / widest) : frame.x.low;
    out += line(frame, x1, roof.value, frame.x.high, roof.value, first ? "roof" : "roof lesser");
    out += words(frame.x.to, frame.y.at(roof.value) - 4, roof.label, "text-anchor=\"end\"");
    first = false;
  }
  return out;
}

std::string steps(const Panel& panel, const Frame& frame) {
  std::string out;
  for (const Roof& roof : panel.bandwidth) {
    const double x1 = std::max(frame.x.low, roof.from_bytes);
    const double x2 = roof.to_bytes > 0.0 ? std::min(frame.x.high, roof.to_bytes) : frame.x.high;
    if (x1 >= x2) continue;
    out += line(frame, x1, roof.value, x2, roof.value, "roof");
    out += words(frame.x.at(x2) - 4, frame.y.at(roof.value) - 4, roof.label, "text-anchor=\"end\"");
  }
  return out;
}

std::string points(const Panel& panel, const Model& model, const Frame& frame) {
  std::vector<const CaseView*> views;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) views.push_back(&view);
  }
  std::string out;
  for (const Point& point : panel.points) {
    const CaseView& view = *views[point.view];
    out += fmt::format(
        "<circle class=\"point\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"><title>{}</title></circle>",
        frame.x.at(point.x), frame.y.at(point.y),
        escape(fmt::format("{} {}: {}", view.result->lab, view.result->case_name,
                           view.rows[point.row].technique->name)));
  }
  return out;
}

}  // namespace

std::string roofline_svg(const Roofline& roofline, const Model& model) {
  std::string body;
  double top = 0.0;
  for (const Panel& panel : roofline.panels) {
    if (panel.compute.empty() && panel.bandwidth.empty()) continue;
    const Frame frame = frame_of(panel, top);
    const std::string who =
        panel.gpu.empty() ? fmt::format("{} thread{}", panel.threads, panel.threads == 1 ? "" : "s")
                          : panel.gpu;
    body += words(kLeft, top + 20, fmt::format("{}: {}", who, panel.memory ? "GB/s" : "GFLOP/s"),
                  "class=\"title\"");
    body += grid(panel, frame);
    body += panel.memory ? steps(panel, frame) : slopes(panel, frame) + flats(panel, frame);
    body += points(panel, model, frame) + "\n";
    top += kHeight;
  }
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" role=\"img\" aria-label=\"Roofline\">{2}\n{3}</svg>\n",
      kWidth, std::max(top, 1.0), kStyle, body);
}

}  // namespace aisp::report
