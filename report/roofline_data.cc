// See roofline_data.h. All roofs of the thread count that most points have; of other thread counts
// only the highest compute roof and DRAM, or the figure would be unreadable.
#include "report/roofline_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace aisp::report {
namespace {

using Frame = RooflineFrame;

// What lies further below the highest roof stands on the lower edge: one technique that starts
// threads for a microsecond of work would flatten everything else.
constexpr double kDepth = 3000.0;
// Instruction sets this close to each other are one roof: their intervals overlap.
constexpr double kSameRoof = 0.97;
// Room at the left for the names of the bandwidth roofs, as a factor of intensity.
constexpr double kRoomLeft = 5.0;
// Pixels that a number needs.
constexpr double kNumberWidth = 20.0;

// No machine is outside of this; a damaged record must not stretch the axes.
bool plausible(double value) { return value > 1e-9 && value < 1e15; }

double intensity_of(const bench::CaseResult& result) {
  const double intensity = result.flops / (result.bytes_read + result.bytes_written);
  return plausible(intensity) ? intensity : 0.0;
}

void collect_points(const Model& model, RooflineData& data) {
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      const double intensity = intensity_of(*view.result);
      if (!(intensity > 0.0)) {
        ++data.without_flops;
        continue;
      }
      const std::size_t before = data.points.size();
      for (const Row& row : view.rows) {
        if (!row.timed || !plausible(row.technique->gflop_per_s)) continue;
        data.points.push_back({intensity, row.technique->gflop_per_s, &row, &view});
      }
      if (data.points.size() == before) continue;
      data.stems.push_back({&view, intensity, static_cast<int>(data.stems.size()) + 1, 0});
    }
  }
}

// The thread count that most points have; 1 without points.
int main_threads(const RooflineData& data) {
  std::map<int, int> uses;
  for (const Point& point : data.points) ++uses[point.row->technique->threads];
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

std::string label_of(const std::string& name, const Roof& roof) {
  return roof.main ? name : fmt::format("{}, {}", name, threads_text(roof.threads));
}

void collect_compute(const bench::Json& entries, RooflineData& data) {
  std::set<std::string> dtypes;
  for (const Point& point : data.points) dtypes.insert(point.view->result->flops_dtype);
  if (dtypes.empty()) dtypes.insert("f32");
  std::map<std::pair<std::string, int>, Roof> highest;  // of other thread counts
  for (const auto& entry : entries) {
    Roof roof;
    roof.dtype = entry.at("dtype").get<std::string>();
    roof.threads = entry.at("threads").get<int>();
    roof.main = roof.threads == data.threads;
    roof.value = entry.at("gflop_per_s").at("estimate").get<double>();
    if (!dtypes.contains(roof.dtype) || !plausible(roof.value)) continue;
    const std::string name = fmt::format("{} {}", entry.at("isa").get<std::string>(), roof.dtype);
    roof.label = label_of(name, roof);
    roof.title = fmt::format("{}, {}", name, threads_text(roof.threads));
    if (roof.main) {
      data.compute.push_back(roof);
    } else {
      Roof& top = highest[{roof.dtype, roof.threads}];
      if (roof.value > top.value) top = roof;
    }
  }
  for (const auto& [key, roof] : highest) data.compute.push_back(roof);
}

void collect_bandwidth(const bench::Json& entries, RooflineData& data) {
  std::map<std::pair<int, int>, Roof> highest;  // by level and threads
  for (const auto& entry : entries) {
    const int level = entry.at("level").get<int>();
    Roof roof;
    roof.threads = entry.at("threads").get<int>();
    roof.main = roof.threads == data.threads;
    roof.value = entry.at("gb_per_s").at("estimate").get<double>();
    const auto kind = entry.at("kind").get<std::string>();
    if (!plausible(roof.value) || (!roof.main && level != 0)) continue;
    const std::string name = level == 0 ? "DRAM" : fmt::format("L{}", level);
    roof.label = label_of(name, roof);
    roof.title = fmt::format("{} {}, {}", name, kind, threads_text(roof.threads));
    Roof& top = highest[{level, roof.threads}];
    if (roof.value > top.value) top = roof;
  }
  for (const auto& [key, roof] : highest) data.bandwidth.push_back(roof);
}

void sort_roofs(std::vector<Roof>& roofs) {
  std::sort(roofs.begin(), roofs.end(), [](const Roof& a, const Roof& b) {
    return std::tie(b.value, a.title) < std::tie(a.value, b.title);
  });
}

// Of roofs at one height the first stays.
void merge_roofs(std::vector<Roof>& roofs) {
  std::vector<Roof> apart;
  for (const Roof& roof : roofs) {
    const bool same = std::any_of(apart.begin(), apart.end(), [&](const Roof& higher) {
      return higher.threads == roof.threads && higher.dtype == roof.dtype &&
             roof.value > kSameRoof * higher.value;
    });
    if (!same) apart.push_back(roof);
  }
  roofs = std::move(apart);
}

// Ceilings come from a file: what does not have the documented shape is no ceiling.
void collect_roofs(const bench::Json& header, RooflineData& data) {
  try {
    const bench::Json& ceilings = header.at("ceilings");
    collect_compute(ceilings.at("compute"), data);
    collect_bandwidth(ceilings.at("bandwidth"), data);
  } catch (const bench::Json::exception&) {
    data.compute.clear();
    data.bandwidth.clear();
  }
  sort_roofs(data.compute);
  sort_roofs(data.bandwidth);
  merge_roofs(data.compute);
}

void place_stems(RooflineData& data) {
  std::vector<Stem*> order;
  for (Stem& stem : data.stems) order.push_back(&stem);
  std::stable_sort(order.begin(), order.end(),
                   [](const Stem* a, const Stem* b) { return a->intensity < b->intensity; });
  std::vector<double> row_ends;
  for (Stem* stem : order) {
    const double x = data.x.at(stem->intensity);
    std::size_t row = 0;
    while (row < row_ends.size() && row_ends[row] > x - kNumberWidth) ++row;
    if (row == row_ends.size()) row_ends.push_back(x);
    row_ends[row] = x;
    stem->row = static_cast<int>(row);
  }
  data.top = Frame::line * (static_cast<double>(row_ends.size()) + 0.7);
}

void scale(RooflineData& data) {
  double x_low = 0.5, x_high = 32.0, y_low = 1e300, y_high = 0.0;
  for (const Point& point : data.points) {
    x_low = std::min(x_low, point.x);
    x_high = std::max(x_high, point.x * 1.6);
    y_low = std::min(y_low, point.y);
    y_high = std::max(y_high, point.y);
  }
  for (const Roof& roof : data.compute) {
    y_low = std::min(y_low, roof.value);
    y_high = std::max(y_high, roof.value);
  }
  if (y_high == 0.0) y_low = 1.0, y_high = 1000.0;
  data.x = {x_low / kRoomLeft, x_high, Frame::left, Frame::right};
  place_stems(data);
  data.y = {std::max(y_low / 2.5, y_high / kDepth), y_high * 1.5, Frame::bottom, data.top};
}

}  // namespace

RooflineData collect_roofline(const Model& model, const bench::Json& header) {
  RooflineData data;
  collect_points(model, data);
  data.threads = main_threads(data);
  collect_roofs(header, data);
  scale(data);
  return data;
}

}  // namespace aisp::report
