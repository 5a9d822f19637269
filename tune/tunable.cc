// The registry, and its kernels as labs. See tunable.h.
#include "tune/tunable.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace aisp::tune {
namespace {

const bench::LabEntry* entry_of(const std::string& lab) {
  for (const bench::LabEntry& entry : bench::builtin_labs()) {
    if (lab == std::string(entry.chapter) + ":" + entry.name) return &entry;
  }
  return nullptr;
}

// The lab's problem on the one case; a technique for each point.
bench::Lab lab_of(const Tunable& tunable) {
  bench::Lab lab = entry_of(tunable.lab)->describe();
  lab.question = fmt::format("Which build and launch of {} is the quickest?", tunable.name);
  lab.targets = {"tune:" + tunable.name};
  std::erase_if(lab.cases, [&](const bench::Case& one) { return one.name != tunable.case_name; });
  for (bench::Case& one : lab.cases) one.when_named = false;
  lab.techniques.clear();
  for (const Point& point : tunable.points) {
    lab.techniques.push_back({.name = point.name(),
                              .summary = tunable.summary,
                              .device = bench::Device::kCuda,
                              .plan = point.plan});
  }
  lab.baseline = "";
  lab.device_baseline = tunable.points[tunable.shipped].name();
  return lab;
}

// The table of labs holds plain functions: one for each place in the registry.
template <std::size_t kIndex>
bench::Lab describe() {
  return lab_of(tunables()[kIndex]);
}

template <std::size_t... kIndex>
std::vector<bench::LabEntry> entries(std::index_sequence<kIndex...>) {
  return {{"tune", tunables()[kIndex].name.c_str(), "tune", "", &describe<kIndex>}...};
}

constexpr std::size_t kCount = 4;

}  // namespace

std::string Point::name() const {
  std::string text;
  for (const auto& [knob, value] : knobs) {
    text += fmt::format("{}{}_{}", text.empty() ? "" : "_", knob, value);
  }
  return text;
}

const std::vector<Tunable>& tunables() {
  static const std::vector<Tunable> all = {swiglu(), router(), softmax(), sgemm()};
  return all;
}

std::string why_not_here(const Tunable& tunable) {
  if (entry_of(tunable.lab) == nullptr) return "its lab " + tunable.lab + " is not in this build";
  const machine::CudaDevice& device = machine::cuda_device();
  if (!device.why_not.empty()) return device.why_not;
  return tunable.points.front().plan ? "" : "not in this build";
}

std::vector<bench::LabEntry> labs() {
  std::vector<bench::LabEntry> all = entries(std::make_index_sequence<kCount>());
  std::vector<bench::LabEntry> here;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (entry_of(tunables()[i].lab) != nullptr) here.push_back(all[i]);
  }
  return here;
}

}  // namespace aisp::tune
