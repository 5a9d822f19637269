// See gpu_costs_cache.h.
#include "machine/gpu_costs_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

void store(const std::string& path, const Json& json) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const std::string fresh = fmt::format("{}.{}", path, getpid());
  std::ofstream file(fresh, std::ios::trunc);
  file << json.dump(1) << '\n';
  file.close();
  if (file) {
    std::filesystem::rename(fresh, path, error);
  } else {
    std::filesystem::remove(fresh, error);
  }
}

}  // namespace

Json to_json(const std::vector<GpuCosts>& gpus) {
  Json list = Json::array();
  for (const GpuCosts& gpu : gpus) {
    Json entry = {{"gpu", gpu.gpu}, {"costs", Json::array()}};
    for (const Cost& cost : gpu.costs) {
      entry["costs"].push_back({{"name", cost.name},
                                {"unit", cost.unit},
                                {"median", cost.value.estimate},
                                {"low", cost.value.low},
                                {"high", cost.value.high},
                                {"best", cost.best},
                                {"detail", cost.detail}});
    }
    for (const NotMeasured& one : gpu.missing) {
      entry["not_measured"].push_back({{"name", one.name}, {"why", one.why}});
    }
    list.push_back(std::move(entry));
  }
  return list;
}

std::vector<GpuCosts> gpu_costs_from_json(const Json& json) try {
  std::vector<GpuCosts> gpus;
  for (const Json& entry : json) {
    GpuCosts gpu;
    gpu.gpu = entry.at("gpu");
    for (const Json& cost : entry.at("costs")) {
      gpu.costs.push_back({cost.at("name"),
                           cost.at("unit"),
                           {cost.at("median"), cost.at("low"), cost.at("high")},
                           cost.at("best"),
                           cost.at("detail")});
    }
    for (const Json& one : entry.value("not_measured", Json::array())) {
      gpu.missing.push_back({one.at("name"), one.at("why")});
    }
    gpus.push_back(std::move(gpu));
  }
  return gpus;
} catch (const nlohmann::json::exception& problem) {
  throw Error(problem.what(), "gpu-ceilings.json", "remove the file");
}

std::string gpu_costs_key(const Facts& facts) {
  std::string key;
  for (const Gpu& gpu : facts.gpus) {
    key += fmt::format("{} {} {};", gpu.name, gpu.uuid, gpu.memory_bytes.value_or(0));
  }
  return key.empty() ? "" : key + facts.gpu_driver;
}

std::vector<GpuCosts> load_or_measure_gpu_costs(const std::string& folder, const std::string& key,
                                                bool refresh, std::vector<GpuCosts> (*measure)()) {
  const std::string path = folder + "/gpu-ceilings.json";
  const bool keep = !folder.empty() && !key.empty();
  if (keep && !refresh) {
    const Json stored = Json::parse(read_text(path).value_or(""), nullptr, false);
    if (stored.is_object() && stored.value("version", 0) == kVersion &&
        stored.value("key", "") == key && stored.contains("gpus")) {
      try {
        return gpu_costs_from_json(stored["gpus"]);
      } catch (const Error&) {  // a damaged cache is measured anew
      }
    }
  }
  auto gpus = measure();
  const bool any = !gpus.empty() && !gpus.front().costs.empty();
  if (keep && any) store(path, {{"version", kVersion}, {"key", key}, {"gpus", to_json(gpus)}});
  return gpus;
}

}  // namespace aisp::machine
