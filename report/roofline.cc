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

Panel& panel_of(Roofline& roofline, bool memory, int threads, const std::string& gpu) {
  for (Panel& panel : roofline.panels) {
    if (panel.memory == memory && panel.threads == threads) return panel;
  }
  roofline.panels.push_back({.memory = memory, .threads = threads, .gpu = gpu});
  return roofline.panels.back();
}

// Of one device: "" for the processor, else the GPU's name.
void collect_points(const Model& model, const std::string& gpu, Roofline& roofline) {
  std::size_t index = 0;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      const bench::CaseResult& result = *view.result;
      const double intensity = result.flops / bytes_of(result);
      const bool here = (result.device == "cuda") == !gpu.empty();
      for (std::size_t row = 0; row < view.rows.size(); ++row) {
        const bench::TechniqueResult& t = *view.rows[row].technique;
        if (!view.rows[row].timed) continue;
        const int threads = gpu.empty() ? t.threads : 1;
        if (!here) {
          ++roofline.elsewhere;
        } else if (plausible(intensity) && plausible(t.gflop_per_s)) {
          panel_of(roofline, false, threads, gpu)
              .points.push_back({index, row, intensity, t.gflop_per_s});
        } else if (plausible(result.working_set_bytes) && plausible(t.gb_per_s)) {
          panel_of(roofline, true, threads, gpu)
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
    roof.place = roof.level == 0 ? "DRAM" : fmt::format("L{}", roof.level);
    roof.label = fmt::format("{} {}", roof.place, format_rate(roof.value * 1e9, "B/s"));
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

// The largest measured figure of a GPU among those called so.
double figure_of(const bench::Json& costs, std::initializer_list<const char*> names) {
  double most = 0.0;
  for (const auto& cost : costs) {
    const auto name = cost.at("name").get<std::string>();
    const auto called = [&](const char* one) { return name == one; };
    if (std::any_of(names.begin(), names.end(), called)) {
      most = std::max(most, cost.at("median").get<double>());
    }
  }
  return most;
}

struct GpuProduct {
  const char* dtype;  // as labs declare it; their u8 are e4m3
  const char* word;
  const char* row;
};
constexpr GpuProduct kGpuProducts[] = {
    {"u8", "fp8", "matrix product, fp8 e4m3"}, {"i8", "int8", "matrix product, int8"},
    {"bf16", "bf16", "matrix product, bf16"},  {"f16", "f16", "matrix product, f16"},
    {"tf32", "tf32", "matrix product, tf32"},  {"f64", "f64", "matrix product, f64"},
    {"f32", "f32", "matrix product, f32"}};

void add_gpu_bandwidth(Panel& panel, const char* place, int level, double value, double from) {
  if (!plausible(value)) return;
  panel.bandwidth.push_back({.label = fmt::format("{} {}", place, format_rate(value * 1e9, "B/s")),
                             .place = place,
                             .value = value,
                             .level = level,
                             .from_bytes = from});
}

// `dtypes` empty: all of them, and the link to the host.
void collect_gpu_roofs(const std::set<std::string>& dtypes, bool link, const bench::Json& header,
                       Panel& panel) {
  try {
    const bench::Json& costs = header.at("device").at("ceilings").at(0).at("costs");
    for (const GpuProduct& one : kGpuProducts) {
      const double value = 1e3 * figure_of(costs, {one.row});
      // Products of f32 may run on the tensor cores.
      const bool tensor = dtypes.contains("f32") && std::string_view(one.dtype) == "tf32";
      const bool wanted = dtypes.empty() || dtypes.contains(one.dtype) || tensor;
      if (panel.memory || !wanted || !plausible(value)) continue;
      const bool integer = one.word[0] == 'i';
      const std::string rate = format_rate(value * 1e9, integer ? "OP/s" : "FLOP/s");
      panel.compute.push_back(
          {.label = fmt::format("{} {}", one.word, rate), .dtype = one.dtype, .value = value});
    }
    const double l2 = header_number(header, {"device", "l2_bytes"});
    add_gpu_bandwidth(panel, "device memory", 0,
                      figure_of(costs, {"device copy", "device copy, cudaMemcpy"}),
                      plausible(l2) ? l2 : 0.0);
    if (link) {
      add_gpu_bandwidth(
          panel, "host link", -1,
          figure_of(costs, {"copy, host to device, pinned", "copy, device to host, pinned"}), 0.0);
    }
  } catch (const bench::Json::exception&) {
    panel.compute.clear();
    panel.bandwidth.clear();
  }
  sort_roofs(panel.compute);
}

std::string gpu_of(const bench::Json& header) {
  const std::string name = header_text(header, {"device", "name"});
  return name.empty() ? "GPU" : name;
}

bool uses_link(const Panel& panel, const Model& model) {
  std::size_t index = 0;
  for (const auto& lab : model.labs) {
    for (const auto& view : lab.cases) {
      for (const Point& point : panel.points) {
        if (point.view == index && view.result->medium == "host link") return true;
      }
      ++index;
    }
  }
  return false;
}

}  // namespace

Roofline collect_gpu_roofline(const Model& model, const bench::Json& header) {
  Roofline roofline;
  collect_points(model, gpu_of(header), roofline);
  for (Panel& panel : roofline.panels) {
    collect_gpu_roofs(dtypes_of(panel, model), uses_link(panel, model), header, panel);
  }
  return roofline;
}

Roofline gpu_roofline(const bench::Json& header) {
  Panel panel{.memory = false, .threads = 1, .gpu = gpu_of(header)};
  collect_gpu_roofs({}, true, header, panel);
  if (panel.compute.empty() && panel.bandwidth.empty()) return {};
  return {.panels = {panel}};
}

Roofline collect_roofline(const Model& model, const bench::Json& header) {
  Roofline roofline;
  collect_points(model, "", roofline);
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
