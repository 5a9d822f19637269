// See roofline_text.h.
#include "report/roofline_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace aisp::report {
namespace {

constexpr int kWidth = 70, kHeight = 20;  // characters: fits 80 columns with the axis
constexpr double kLeastIntensity = 1.0 / 64;

char level_mark(int level) {
  if (level < 0) return 'h';
  return level == 0 ? 'm' : static_cast<char>('0' + level % 10);
}

std::string title_of(const Panel& panel) {
  const char* kind = panel.memory ? "Memory" : "Roofline";
  if (!panel.gpu.empty()) return fmt::format("{}, {}", kind, panel.gpu);
  return fmt::format("{}, {} thread{}", kind, panel.threads, panel.threads == 1 ? "" : "s");
}

// a to z, A to Z; a star for those that come after them.
char point_mark(std::size_t index) {
  if (index < 26) return static_cast<char>('a' + index);
  return index < 52 ? static_cast<char>('A' + index - 26) : '*';
}

const CaseView& view_of(const Model& model, std::size_t index) {
  for (const auto& lab : model.labs) {
    if (index < lab.cases.size()) return lab.cases[index];
    index -= lab.cases.size();
  }
  return model.labs.front().cases.front();  // not reached: points come from the same model
}

// The highest compute roof of each type, in the order of the panel.
std::vector<Roof> tops(const Panel& panel) {
  std::vector<Roof> highest;
  for (const Roof& roof : panel.compute) {
    const bool seen = std::any_of(highest.begin(), highest.end(),
                                  [&](const Roof& top) { return top.dtype == roof.dtype; });
    if (!seen) highest.push_back(roof);
  }
  return highest;
}

// Both axes are logarithmic; rows count from the top.
struct Canvas {
  std::vector<std::string> rows = std::vector<std::string>(kHeight, std::string(kWidth, ' '));
  double x_low = kLeastIntensity, x_high = 1.0, y_low = 1.0, y_high = 1.0;

  double x_of(int column) const {
    return x_low * std::pow(x_high / x_low, static_cast<double>(column) / (kWidth - 1));
  }
  int column_of(double x) const {
    return static_cast<int>(
        std::lround(std::log(x / x_low) / std::log(x_high / x_low) * (kWidth - 1)));
  }
  int row_of(double y) const {
    return kHeight - 1 -
           static_cast<int>(
               std::lround(std::log(y / y_low) / std::log(y_high / y_low) * (kHeight - 1)));
  }
  void put(int column, int row, char mark) {
    if (column < 0 || column >= kWidth || row < 0 || row >= kHeight) return;
    rows[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = mark;
  }
};

Canvas canvas_for(const Panel& panel) {
  Canvas canvas;
  const double top = panel.compute.front().value;
  canvas.y_high = top * 1.5;
  canvas.y_low = top;
  for (const Roof& roof : panel.bandwidth) {
    canvas.x_high = std::max(canvas.x_high, 4.0 * top / roof.value);
    canvas.y_low = std::min(canvas.y_low, roof.value * canvas.x_low * 2.0);
  }
  for (const Point& point : panel.points) {
    canvas.x_low = std::min(canvas.x_low, point.x / 1.2);
    canvas.x_high = std::max(canvas.x_high, point.x * 1.2);
    canvas.y_low = std::min(canvas.y_low, point.y / 1.2);
    canvas.y_high = std::max(canvas.y_high, point.y * 1.2);
  }
  return canvas;
}

std::string plot(const Panel& panel) {
  if (panel.compute.empty() || panel.bandwidth.empty()) return "";
  Canvas canvas = canvas_for(panel);
  const double top = panel.compute.front().value;
  for (const Roof& roof : panel.bandwidth) {
    for (int column = 0; column < kWidth; ++column) {
      const double y = roof.value * canvas.x_of(column);
      if (y <= top) canvas.put(column, canvas.row_of(y), level_mark(roof.level));
    }
  }
  const double widest = panel.bandwidth.front().value;
  for (const Roof& roof : tops(panel)) {
    for (int column = 0; column < kWidth; ++column) {
      if (widest * canvas.x_of(column) >= roof.value) {
        canvas.put(column, canvas.row_of(roof.value), '-');
      }
    }
    const int begin = kWidth - static_cast<int>(roof.dtype.size());
    for (std::size_t i = 0; i < roof.dtype.size(); ++i) {
      canvas.put(begin + static_cast<int>(i), canvas.row_of(roof.value), roof.dtype[i]);
    }
  }
  for (std::size_t i = 0; i < panel.points.size(); ++i) {
    canvas.put(canvas.column_of(panel.points[i].x), canvas.row_of(panel.points[i].y),
               point_mark(i));
  }
  std::string text;
  for (int row = 0; row < kHeight; ++row) {
    const double y =
        canvas.y_low * std::pow(canvas.y_high / canvas.y_low,
                                static_cast<double>(kHeight - 1 - row) / (kHeight - 1));
    std::string line = fmt::format("  {:>8} |{}", row % 4 == 0 ? format_number(y) : "",
                                   canvas.rows[static_cast<std::size_t>(row)]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  text += fmt::format("  {:>8} +{}\n", "GFLOP/s", std::string(kWidth, '-'));
  text += fmt::format("  {:>8}  {:<{}}{:>8} FLOP/byte\n", "", format_number(canvas.x_low),
                      kWidth - 18, format_number(canvas.x_high));
  return text;
}

std::string sets_text(const Roof& roof) {
  if (roof.to_bytes > 0) return "sets up to " + format_bytes(roof.to_bytes);
  return roof.from_bytes > 0 ? "sets above " + format_bytes(roof.from_bytes) : "";
}

std::string roofs_text(const Panel& panel) {
  std::string text;
  if (!panel.memory) text += "  arithmetic\n";
  for (const Roof& roof : panel.compute) text += "    " + roof.label + "\n";
  text += "  bandwidth, and the intensity (flops per byte) from which arithmetic is the limit\n";
  for (const Roof& roof : panel.bandwidth) {
    std::string line = fmt::format("    [{}] {:<{}} {:<22}", level_mark(roof.level), roof.label,
                                   panel.gpu.empty() ? 16 : 24, sets_text(roof));
    for (const Roof& top : tops(panel)) {
      line += fmt::format(" {} {}", top.dtype, format_number(top.value / roof.value));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string points_text(const Panel& panel, const Model& model) {
  std::string text;
  for (std::size_t i = 0; i < panel.points.size(); ++i) {
    const Point& point = panel.points[i];
    const CaseView& view = view_of(model, point.view);
    const bench::TechniqueResult& technique = *view.rows[point.row].technique;
    const std::string place =
        panel.memory
            ? fmt::format("{} of set, {} GB/s", format_bytes(point.x), format_number(point.y))
            : fmt::format("{} FLOP/byte, {} GFLOP/s", format_number(point.x),
                          format_number(point.y));
    const std::string of =
        technique.floor_ns > 0
            ? fmt::format(", {} of its ceiling ({})", format_percent(technique.ceiling_fraction),
                          technique.bound)
            : "";
    text += fmt::format("    {}  {}/{} {}: {}{}\n", panel.memory ? '-' : point_mark(i),
                        view.result->lab, view.result->case_name, technique.name, place, of);
  }
  return text;
}

}  // namespace

std::string render_roofline(const Roofline& roofline, const Model& model) {
  std::string text;
  for (const Panel& panel : roofline.panels) {
    text += "\n" + title_of(panel) + "\n";
    if (panel.compute.empty() && panel.bandwidth.empty()) {
      text += panel.gpu.empty() ? "  no ceilings for this number of threads\n"
                                : "  the run has no ceilings of this GPU\n";
    } else {
      text += roofs_text(panel);
    }
    if (!panel.memory) text += plot(panel);
    if (!panel.points.empty()) text += "  techniques\n" + points_text(panel, model);
  }
  if (roofline.without_place > 0) {
    text += fmt::format("\n{} timed technique{} declare neither flops nor bytes\n",
                        roofline.without_place, roofline.without_place == 1 ? "" : "s");
  }
  if (roofline.elsewhere > 0) {
    text += fmt::format("\n{} timed technique{} ran on the other device (--device)\n",
                        roofline.elsewhere, roofline.elsewhere == 1 ? "" : "s");
  }
  return text;
}

bench::Json roofline_to_json(const Roofline& roofline, const Model& model) {
  bench::Json panels = bench::Json::array();
  for (const Panel& panel : roofline.panels) {
    bench::Json json = {{"gpu", panel.gpu},
                        {"threads", panel.threads},
                        {"memory", panel.memory},
                        {"compute", bench::Json::array()},
                        {"bandwidth", bench::Json::array()},
                        {"points", bench::Json::array()}};
    for (const Roof& roof : panel.compute) {
      json["compute"].push_back(
          {{"label", roof.label}, {"dtype", roof.dtype}, {"gflop_per_s", roof.value}});
    }
    for (const Roof& roof : panel.bandwidth) {
      bench::Json entry = {{"level", roof.place},
                           {"gb_per_s", roof.value},
                           {"from_bytes", roof.from_bytes},
                           {"to_bytes", roof.to_bytes},
                           {"ridge", bench::Json::object()}};
      for (const Roof& top : tops(panel)) entry["ridge"][top.dtype] = top.value / roof.value;
      json["bandwidth"].push_back(std::move(entry));
    }
    for (const Point& point : panel.points) {
      const CaseView& view = view_of(model, point.view);
      const bench::TechniqueResult& technique = *view.rows[point.row].technique;
      json["points"].push_back({{"lab", view.result->lab},
                                {"case", view.result->case_name},
                                {"technique", technique.name},
                                {panel.memory ? "working_set_bytes" : "flop_per_byte", point.x},
                                {panel.memory ? "gb_per_s" : "gflop_per_s", point.y},
                                {"bound", technique.bound},
                                {"ceiling_fraction", technique.ceiling_fraction}});
    }
    panels.push_back(std::move(json));
  }
  return {{"panels", panels},
          {"without_place", roofline.without_place},
          {"elsewhere", roofline.elsewhere}};
}

}  // namespace aisp::report
