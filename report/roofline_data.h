// What the roofline shows, before it is drawn: roofs, points and the numbers of the cases, in the
// units of the figure.
#pragma once

#include <string>
#include <vector>

#include "report/model.h"
#include "report/svg.h"

namespace aisp::report {

struct Roof {
  std::string label;   // "avx512 f32", "L2", "DRAM, 2 threads"
  std::string title;   // in full
  std::string dtype;   // of a compute roof
  double value = 0.0;  // GFLOP/s, or GB/s for bandwidth
  int threads = 1;
  bool main = true;  // of the thread count that most points have
};

struct Point {
  double x = 0.0, y = 0.0;  // flops per byte, GFLOP/s
  const Row* row = nullptr;
  const CaseView* view = nullptr;
};

/// A case in the figure: its number stands above its points, in the first row where there is room.
struct Stem {
  const CaseView* view = nullptr;
  double intensity = 0.0;
  int number = 1;
  int row = 0;
};

struct RooflineData {
  std::vector<Roof> compute, bandwidth;  // the highest first
  std::vector<Point> points;
  std::vector<Stem> stems;
  int threads = 1;        // of the main roofs
  int without_flops = 0;  // cases that cannot be points
  LogAxis x, y;
  double top = 0.0;  // pixel of the upper edge, below the numbers
};

/// The size of the figure in pixels: the plot lies between left and right, RooflineData::top and
/// bottom.
struct RooflineFrame {
  static constexpr double width = 1045.0, height = 500.0;
  static constexpr double left = 64.0, right = 810.0, bottom = 450.0;
  static constexpr double line = 15.0;  // least distance of two lines of text
};

/// Malformed ceilings in the header count as absent.
RooflineData collect_roofline(const Model& model, const bench::Json& header);

}  // namespace aisp::report
