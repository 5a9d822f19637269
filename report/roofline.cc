// See roofline.h. All roofs of the thread count that most points use; of other thread counts only
// the highest compute roof and DRAM, dashed, or the figure would be unreadable.
#include "report/roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/units.h"
#include "report/markup.h"
#include "report/svg.h"

namespace aisp::report {
namespace {

constexpr double kWidth = 960.0, kHeight = 500.0;
constexpr double kLeft = 64.0, kRight = 800.0, kTop = 16.0, kBottom = 440.0;
constexpr double kLabelStep = 15.0;  // least distance of two labels below each other

struct Roof {
  std::string label;
  double value = 0.0;  // GFLOP/s, or GB/s for bandwidth
  int threads = 1;
  bool main = true;
};

struct Point {
  double x = 0.0, y = 0.0;
  const Row* row = nullptr;
  const CaseView* view = nullptr;
  std::size_t number = 0;
};

struct Figure {
  std::vector<Roof> compute, bandwidth;
  std::vector<Point> points;
  std::vector<const CaseView*> cases;
  int without_flops = 0;
  LogAxis x{0.05, 200.0, kLeft, kRight};
  LogAxis y{1.0, 1000.0, kBottom, kTop};
};

// No machine is outside of this; a damaged record must not stretch the axes.
bool plausible(double value) { return value > 1e-9 && value < 1e15; }

double intensity_of(const bench::CaseResult& result) {
  const double intensity = result.flops / (result.bytes_read + result.bytes_written);
  return plausible(intensity) ? intensity : 0.0;
}

void collect_points(const Model& model, Figure& figure) {
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      const double intensity = intensity_of(*view.result);
      if (!(intensity > 0.0)) {
        ++figure.without_flops;
        continue;
      }
      bool any = false;
      for (const Row& row : view.rows) {
        if (!row.timed || !plausible(row.technique->gflop_per_s)) continue;
        figure.points.push_back(
            {intensity, row.technique->gflop_per_s, &row, &view, figure.cases.size() + 1});
        any = true;
      }
      if (any) figure.cases.push_back(&view);
    }
  }
}

// The thread count that most points have; 1 without points.
int main_threads(const Figure& figure) {
  std::map<int, int> uses;
  for (const Point& point : figure.points) ++uses[point.row->technique->threads];
  int best = 1, most = 0;
  for (const auto& [threads, count] : uses) {
    if (count > most) {
      best = threads;
      most = count;
    }
  }
  return best;
}

std::string threads_text(int threads) {
  return fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
}

void collect_compute(const bench::Json& entries, const Figure& figure, int main,
                     std::vector<Roof>& roofs) {
  std::set<std::string> dtypes;
  for (const Point& point : figure.points) dtypes.insert(point.view->result->flops_dtype);
  if (dtypes.empty()) dtypes.insert("f32");
  std::map<std::pair<std::string, int>, Roof> highest;
  for (const auto& entry : entries) {
    const auto dtype = entry.at("dtype").get<std::string>();
    const int threads = entry.at("threads").get<int>();
    const double value = entry.at("gflop_per_s").at("estimate").get<double>();
    if (!dtypes.contains(dtype) || !plausible(value)) continue;
    const std::string label =
        fmt::format("{} {}, {}", dtype, entry.at("isa").get<std::string>(), threads_text(threads));
    const Roof roof{label, value, threads, threads == main};
    if (roof.main) roofs.push_back(roof);
    Roof& top = highest[{dtype, threads}];
    if (value > top.value) top = roof;
  }
  for (const auto& [key, roof] : highest) {
    if (!roof.main) roofs.push_back(roof);
  }
}

void collect_bandwidth(const bench::Json& entries, int main, std::vector<Roof>& roofs) {
  std::map<std::pair<int, int>, Roof> highest;  // by level and threads
  for (const auto& entry : entries) {
    const int level = entry.at("level").get<int>();
    const int threads = entry.at("threads").get<int>();
    const double value = entry.at("gb_per_s").at("estimate").get<double>();
    if (!plausible(value) || (threads != main && level != 0)) continue;
    const std::string place = level == 0 ? "DRAM" : fmt::format("L{}", level);
    Roof& top = highest[{level, threads}];
    if (value > top.value) {
      top = {fmt::format("{} {}, {}", place, entry.at("kind").get<std::string>(),
                         threads_text(threads)),
             value, threads, threads == main};
    }
  }
  for (const auto& [key, roof] : highest) roofs.push_back(roof);
}

// Ceilings come from a file: what does not have the documented shape is no ceiling.
void collect_roofs(const bench::Json& header, Figure& figure) {
  const int main = main_threads(figure);
  try {
    const bench::Json& ceilings = header.at("ceilings");
    collect_compute(ceilings.at("compute"), figure, main, figure.compute);
    collect_bandwidth(ceilings.at("bandwidth"), main, figure.bandwidth);
  } catch (const bench::Json::exception&) {
    figure.compute.clear();
    figure.bandwidth.clear();
  }
  std::sort(figure.compute.begin(), figure.compute.end(), [](const Roof& a, const Roof& b) {
    return std::tie(b.value, a.label) < std::tie(a.value, b.label);
  });
}

void scale(Figure& figure) {
  double x_low = 0.1, x_high = 32.0, y_low = 1e300, y_high = 0.0;
  for (const Point& point : figure.points) {
    x_low = std::min(x_low, point.x / 1.6);
    x_high = std::max(x_high, point.x * 1.6);
    y_low = std::min(y_low, point.y);
    y_high = std::max(y_high, point.y);
  }
  for (const Roof& roof : figure.compute) {
    y_low = std::min(y_low, roof.value);
    y_high = std::max(y_high, roof.value);
  }
  if (y_high == 0.0) y_low = 1.0, y_high = 1000.0;
  figure.x = {x_low, x_high, kLeft, kRight};
  figure.y = {std::max(y_low / 2.5, y_high / 1e7), y_high * 1.5, kBottom, kTop};
}

std::string draw_grid(const Figure& figure) {
  std::string out;
  const auto label = [](double value) { return fmt::format("{:g}", value); };
  for (const double value : ticks(figure.x, 12)) {
    const double x = figure.x.at(value);
    out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.0f}V{:.0f}\"/>", x, kTop, kBottom);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>", x,
                       kBottom + 36.0, label(value));
  }
  for (const double value : ticks(figure.y, 8)) {
    const double y = figure.y.at(value);
    out += fmt::format("<path class=\"grid\" d=\"M{:.0f} {:.1f}H{:.0f}\"/>", kLeft, y, kRight);
    out += fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", kLeft - 8.0,
                       y + 4.0, label(value));
  }
  out += fmt::format(
      "<text class=\"name\" x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">"
      "FLOP per byte read or written</text>",
      (kLeft + kRight) / 2.0, kHeight - 6.0);
  out += fmt::format(
      "<text class=\"name\" transform=\"translate(14 {:.0f}) rotate(-90)\" "
      "text-anchor=\"middle\">GFLOP/s</text>",
      (kTop + kBottom) / 2.0);
  return out;
}

// The highest compute roof of a thread count; 0 when none is known.
double top_of(const Figure& figure, int threads) {
  double top = 0.0;
  for (const Roof& roof : figure.compute) {
    if (roof.threads == threads) top = std::max(top, roof.value);
  }
  return top;
}

// Lines from where the bandwidth roof enters the figure up to the highest compute roof.
std::string draw_bandwidth(const Figure& figure) {
  const double per_x = (kRight - kLeft) / std::log(figure.x.high / figure.x.low);
  const double per_y = (kBottom - kTop) / std::log(figure.y.high / figure.y.low);
  const double angle = -std::atan2(per_y, per_x) * 180.0 / 3.14159265358979;
  std::string out;
  for (const Roof& roof : figure.bandwidth) {
    const double highest = top_of(figure, roof.threads);
    const double top = highest > 0.0 ? highest : figure.y.high;
    const double x0 = std::max(figure.x.low, figure.y.low / roof.value);
    const double x1 = std::min(figure.x.high, top / roof.value);
    if (!(x0 < x1)) continue;
    const double px = figure.x.at(x0), py = figure.y.at(x0 * roof.value);
    out += fmt::format("<path class=\"roof{}\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>",
                       roof.main ? "" : " other", px, py, figure.x.at(x1),
                       figure.y.at(x1 * roof.value));
    // The label starts a little way up the line.
    const double shift = 10.0 * std::cos(angle / 57.29578),
                 rise = 10.0 * std::sin(angle / 57.29578);
    out += fmt::format(
        "<text class=\"label\" transform=\"translate({:.1f} {:.1f}) rotate({:.1f})\" y=\"-4\">"
        "{} {}</text>",
        px + shift, py + rise, angle, escape(roof.label), format_rate(roof.value * 1e9, "B/s"));
  }
  return out;
}

std::string draw_compute(const Figure& figure) {
  std::string out;
  double last = -1e9;
  for (const Roof& roof : figure.compute) {  // from the highest down
    const double y = figure.y.at(roof.value);
    double fastest = 0.0;
    for (const Roof& slope : figure.bandwidth) {
      if (slope.threads == roof.threads) fastest = std::max(fastest, slope.value);
    }
    const double from = fastest > 0.0 ? std::max(figure.x.low, roof.value / fastest) : figure.x.low;
    const bool top = roof.value >= top_of(figure, roof.threads);
    out +=
        fmt::format("<path class=\"roof{}{}\" d=\"M{:.1f} {:.1f}H{:.0f}\"/>",
                    roof.main ? "" : " other", top ? "" : " lesser", figure.x.at(from), y, kRight);
    last = std::max(y, last + 2.0 * kLabelStep);
    out += fmt::format(
        "<text class=\"label\" x=\"{0:.0f}\" y=\"{1:.1f}\">{2}<tspan x=\"{0:.0f}\" dy=\"14\">{3}"
        "</tspan></text>",
        kRight + 8.0, last + 1.0, escape(roof.label), format_rate(roof.value * 1e9, "FLOP/s"));
  }
  return out;
}

std::string draw_stems(const Figure& figure) {
  std::vector<const CaseView*> order = figure.cases;
  std::stable_sort(order.begin(), order.end(), [](const CaseView* a, const CaseView* b) {
    return intensity_of(*a->result) < intensity_of(*b->result);
  });
  std::string out;
  std::vector<double> row_ends;  // numbers that would overlap go to the next row
  for (const CaseView* view : order) {
    const auto number =
        std::find(figure.cases.begin(), figure.cases.end(), view) - figure.cases.begin() + 1;
    double highest = figure.y.low;
    for (const Point& point : figure.points) {
      if (point.view == view) highest = std::max(highest, point.y);
    }
    const double x = figure.x.at(intensity_of(*view->result));
    std::size_t row = 0;
    while (row < row_ends.size() && row_ends[row] > x - 20.0) ++row;
    if (row == row_ends.size()) row_ends.push_back(x);
    row_ends[row] = x;
    const double y = kBottom + 14.0 - kLabelStep * static_cast<double>(row);
    out += fmt::format("<path class=\"stem\" d=\"M{:.1f} {:.1f}V{:.1f}\"/>", x, y - 10.0,
                       figure.y.at(highest));
    out += fmt::format(
        "<text class=\"number\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}"
        "</text>",
        x, y, number);
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

std::string draw_point(const Figure& figure, const Point& point) {
  const bench::TechniqueResult& t = *point.row->technique;
  const std::string title =
      fmt::format("{}, {}: {} ({}), {} FLOP per byte, {}", escape(point.view->result->lab),
                  escape(point.view->result->case_name), escape(t.name), name(point.row->state),
                  format_number(point.x), format_rate(point.y * 1e9, "FLOP/s"));
  return fmt::format(
      "<a href=\"#{}\" class=\"point {}{}\" aria-label=\"{}\"><title>{}</title>{}</a>",
      point.view->id, name(point.row->state), point.row->peer ? " peer" : "", title, title,
      draw_shape(point.row->state, figure.x.at(point.x), figure.y.at(point.y)));
}

// The rings of the baselines last, around what lies on the same spot.
std::string draw_points(const Figure& figure) {
  std::string points, rings;
  for (const Point& point : figure.points) {
    (point.row->state == State::kBaseline ? rings : points) += draw_point(figure, point);
  }
  return points + rings;
}

std::string list_cases(const Figure& figure) {
  if (figure.cases.empty()) return "";
  std::string out = "<ol class=\"cases\">";
  for (const CaseView* view : figure.cases) {
    out += fmt::format("<li><a href=\"#{}\">{} {}</a> <small>{} {} FLOP/B</small></li>", view->id,
                       escape(view->result->lab), escape(view->result->case_name),
                       escape(view->result->size), format_number(intensity_of(*view->result)));
  }
  return out + "</ol>";
}

}  // namespace

std::string draw_roofline(const Model& model, const bench::Json& header) {
  Figure figure;
  collect_points(model, figure);
  collect_roofs(header, figure);
  const bool no_roofs = figure.compute.empty() && figure.bandwidth.empty();
  if (no_roofs && figure.points.empty()) {
    return "<p class=\"muted\">No measured ceilings and no case with flops in this run.</p>";
  }
  scale(figure);
  std::string out = fmt::format(
      "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Roofline\">"
      "<svg class=\"roofline\" role=\"group\" aria-label=\"Roofline of the run\" "
      "viewBox=\"0 0 {:.0f} {:.0f}\">",
      kWidth, kHeight);
  out += draw_grid(figure) + draw_bandwidth(figure) + draw_compute(figure) + draw_stems(figure) +
         draw_points(figure);
  out +=
      "</svg></div><figcaption>Lines: what this machine was measured to do at most. Points: "
      "techniques (ring: baseline, disc: faster, triangle: slower, diamond: other); numbers "
      "name the cases.";
  if (no_roofs) out += " This run has no measured ceilings.";
  if (figure.without_flops > 0) {
    out += fmt::format(" {} case{} without floating-point work {} in the tables only.",
                       figure.without_flops, figure.without_flops == 1 ? "" : "s",
                       figure.without_flops == 1 ? "is" : "are");
  }
  return out + "</figcaption>" + list_cases(figure) + "</figure>";
}

}  // namespace aisp::report
