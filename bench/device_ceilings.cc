// Rows of machine/gpu_costs.h as ceilings. See device_ceilings.h.
#include "bench/device_ceilings.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <initializer_list>

#include "machine/ceilings.h"
#include "machine/facts.h"
#include "machine/gpu_costs_cache.h"

namespace aisp::bench {
namespace {

// The largest of the rows called so.
double largest(const machine::GpuCosts& costs, std::initializer_list<const char*> names,
               bool best) {
  double most = 0.0;
  for (const machine::Cost& cost : costs.costs) {
    const auto called = [&](const char* name) { return cost.name == name; };
    if (std::none_of(names.begin(), names.end(), called)) continue;
    most = std::max(most, best ? std::max(cost.best, cost.value.high) : cost.value.estimate);
  }
  return most;
}

}  // namespace

double DeviceCeilings::memory_gb_per_s(bool best) const {
  // Pure reads and writes move more than a copy: they bound what is possible, not what is expected.
  if (!best) return largest(costs, {"device copy", "device copy, cudaMemcpy"}, false);
  return largest(
      costs, {"device copy", "device copy, cudaMemcpy", "device read", "device write, cudaMemset"},
      true);
}

double DeviceCeilings::link_gb_per_s(bool both_ways, bool best) const {
  if (best || both_ways) return largest(costs, {"copy, both ways at once, pinned"}, best);
  return largest(costs, {"copy, host to device, pinned", "copy, device to host, pinned"}, false);
}

double DeviceCeilings::compute_gflop_per_s(DType dtype, bool best) const {
  const char* name = dtype == DType::kF64    ? "matrix product, f64"
                     : dtype == DType::kF32  ? "matrix product, f32"
                     : dtype == DType::kF16  ? "matrix product, f16"
                     : dtype == DType::kBF16 ? "matrix product, bf16"
                     : dtype == DType::kI8   ? "matrix product, int8"
                     : dtype == DType::kU8   ? "matrix product, fp8 e4m3"
                                             : "";
  return 1e3 * largest(costs, {name}, best);
}

double DeviceCeilings::tf32_gflop_per_s(DType dtype, bool best) const {
  return dtype == DType::kF32 ? 1e3 * largest(costs, {"matrix product, tf32"}, best) : 0.0;
}

DeviceCeilings load_device_ceilings(bool only_cached) {
  const machine::CudaDevice& device = machine::cuda_device();
  if (!device.why_not.empty()) return {};
  const std::string cache = machine::ceilings_cache_path(machine::cpu());
  const std::string folder = std::filesystem::path(cache).parent_path().string();
  const auto measure = only_cached ? +[] { return std::vector<machine::GpuCosts>{}; }
                                   : +[] { return machine::measure_gpu_costs(); };
  const auto all = machine::load_or_measure_gpu_costs(
      folder, machine::gpu_costs_key(machine::read_facts()), false, measure);
  for (const machine::GpuCosts& one : all) {
    const bool mine = one.gpu.ends_with(device.name);
    if (mine && !one.costs.empty()) {
      return {one.gpu, static_cast<double>(device.l2_bytes), one};
    }
  }
  return {};
}

std::string device_key(const machine::CudaDevice& device) {
  std::string key;
  for (const char c : device.name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte)) {
      key += static_cast<char>(std::tolower(byte));
    } else if (!key.empty() && key.back() != '-') {
      key += '-';
    }
  }
  return key;
}

}  // namespace aisp::bench
