// See roofline.h.
#include "report/roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/units.h"

namespace aisp::report {
namespace {

// Instruction sets this close to each other are one roof: their intervals overlap.
constexpr double kSameRoof = 0.97;

// No machine is outside of this; a damaged record must not stretch the axes.
bool plausible(double value) { return value > 1e-9 && value < 1e15; }

double bytes_of(const bench::CaseResult& result) {
  return result.bytes_read + result.bytes_written;
}

Panel& panel_of(Roofline& roofline, bool memory, int threads) {
  for (Panel& panel : roofline.panels) {
    if (panel.memory == memory && panel.threads == threads) return panel;
  }
  roofline.panels.push_back({.memory = memory, .threads = threads});
  return roofline.panels.back();
}

void collect_points(const Model& model, Roofline& roofline) {
  std::size_t index = 0;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      const bench::CaseResult& result = *view.result;
      const double intensity = result.flops / bytes_of(result);
      if (result.device != "cpu") {  // the roofs are the processor's
        roofline.without_place += view.rows.size();
        ++index;
        continue;
      }
      for (std::size_t row = 0; row < view.rows.size(); ++row) {
        const bench::TechniqueResult& t = *view.rows[row].technique;
        if (!view.rows[row].timed) continue;
        if (plausible(intensity) && plausible(t.gflop_per_s)) {
          panel_of(roofline, false, t.threads)
              .points.push_back({index, row, intensity, t.gflop_per_s});
        } else if (plausible(result.working_set_bytes) && plausible(t.gb_per_s)) {
          panel_of(roofline, true, t.threads)
              .points.push_back({index, row, result.working_set_bytes, t.gb_per_s});
        } else {
          ++roofline.without_place;
        }
      }
      ++index;
    }
  }
  std::sort(roofline.panels.begin(), roofline.panels.end(), [](const Panel& a, const Panel& b) {
    return std::tie(a.memory, a.threads) < std::tie(b.memory, b.threads);
  });
}

// The types that the points of a panel compute with; an unnamed one is taken for f32.
std::set<std::string> dtypes_of(const Panel& panel, const Model& model) {
  std::vector<const CaseView*> views;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) views.push_back(&view);
  }
  std::set<std::string> dtypes;
  for (const Point& point : panel.points) {
    const std::string& dtype = views[point.view]->result->flops_dtype;
    dtypes.insert(dtype.empty() ? "f32" : dtype);
  }
  return dtypes;
}

void collect_compute(const bench::Json& entries, const std::set<std::string>& dtypes,
                     Panel& panel) {
  for (const auto& entry : entries) {
    Roof roof;
    roof.dtype = entry.at("dtype").get<std::string>();
    roof.value = entry.at("gflop_per_s").at("estimate").get<double>();
    const bool here = entry.at("threads").get<int>() == panel.threads;
    if (!here || !dtypes.contains(roof.dtype) || !plausible(roof.value)) continue;
    const bool integer = roof.dtype.starts_with('i') || roof.dtype.starts_with('u');
    roof.label = fmt::format("{} {} {}", entry.at("isa").get<std::string>(), roof.dtype,
                             format_rate(roof.value * 1e9, integer ? "OP/s" : "FLOP/s"));
    panel.compute.push_back(roof);
  }
}

// The best kind of access of each level.
void collect_bandwidth(const bench::Json& entries, Panel& panel) {
  std::map<int, Roof> highest;
  for (const auto& entry : entries) {
    Roof roof;
    roof.level = entry.at("level").get<int>();
    roof.value = entry.at("gb_per_s").at("estimate").get<double>();
    if (entry.at("threads").get<int>() != panel.threads || !plausible(roof.value)) continue;
    const std::string where = roof.level == 0 ? "DRAM" : fmt::format("L{}", roof.level);
    roof.label = fmt::format("{} {}", where, format_rate(roof.value * 1e9, "B/s"));
    Roof& top = highest[roof.level];
    if (roof.value > top.value) top = roof;
  }
  for (const auto& [level, roof] : highest) panel.bandwidth.push_back(roof);
}

// Which working sets a level serves: up to its size, times the cores that have one of their own.
void bound_levels(const bench::Json& header, Panel& panel) {
  std::map<int, double> sizes;
  const bench::Json* caches = find(header, {"cpu", "caches"});
  if (caches == nullptr || !caches->is_array()) return;
  for (const auto& cache : *caches) {
    const double level = header_number(cache, {"level"});
    const double size = header_number(cache, {"size_bytes"});
    const double sharing = std::max(1.0, header_number(cache, {"sharing_cores"}));
    if (!(level >= 1.0 && level <= 9.0) || !plausible(size)) continue;
    sizes[static_cast<int>(level)] = size * std::max(1.0, panel.threads / sharing);
  }
  for (Roof& roof : panel.bandwidth) {
    for (const auto& [level, size] : sizes) {
      if (level == roof.level) roof.to_bytes = size;
      if (roof.level == 0 || level < roof.level) roof.from_bytes = std::max(roof.from_bytes, size);
    }
  }
}

void sort_roofs(std::vector<Roof>& roofs) {
  std::sort(roofs.begin(), roofs.end(), [](const Roof& a, const Roof& b) {
    return std::tie(b.value, a.label) < std::tie(a.value, b.label);
  });
}

// Of roofs at one height the first stays.
void merge_roofs(std::vector<Roof>& roofs) {
  std::vector<Roof> apart;
  for (const Roof& roof : roofs) {
    const bool same = std::any_of(apart.begin(), apart.end(), [&](const Roof& higher) {
      return higher.dtype == roof.dtype && roof.value > kSameRoof * higher.value;
    });
    if (!same) apart.push_back(roof);
  }
  roofs = std::move(apart);
}

// Ceilings come from a file: what does not have the documented shape is no ceiling.
void collect_roofs(const std::set<std::string>& dtypes, const bench::Json& header, Panel& panel) {
  try {
    const bench::Json& ceilings = header.at("ceilings");
    if (!panel.memory) collect_compute(ceilings.at("compute"), dtypes, panel);
    collect_bandwidth(ceilings.at("bandwidth"), panel);
  } catch (const bench::Json::exception&) {
    panel.compute.clear();
    panel.bandwidth.clear();
  }
  bound_levels(header, panel);
  sort_roofs(panel.compute);
  sort_roofs(panel.bandwidth);
  merge_roofs(panel.compute);
}

// Every type, every number of threads that has a ceiling.
std::set<int> threads_of(const bench::Json& entries, std::set<std::string>& dtypes) {
  std::set<int> threads;
  for (const auto& entry : entries) {
    threads.insert(entry.at("threads").get<int>());
    dtypes.insert(entry.at("dtype").get<std::string>());
  }
  return threads;
}

}  // namespace

Roofline collect_roofline(const Model& model, const bench::Json& header) {
  Roofline roofline;
  collect_points(model, roofline);
  for (Panel& panel : roofline.panels) collect_roofs(dtypes_of(panel, model), header, panel);
  return roofline;
}

Roofline machine_roofline(const bench::Json& header) {
  Roofline roofline;
  std::set<std::string> dtypes;
  try {
    for (const int threads : threads_of(header.at("ceilings").at("compute"), dtypes)) {
      roofline.panels.push_back({.memory = false, .threads = threads});
    }
  } catch (const bench::Json::exception&) {
    return {};
  }
  for (Panel& panel : roofline.panels) collect_roofs(dtypes, header, panel);
  return roofline;
}

}  // namespace aisp::report
