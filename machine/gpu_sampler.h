// Samples of one figure of a GPU turned into a Cost. Device rooms only.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "machine/gpu_costs.h"

namespace aisp::machine {

/// Collects the rows of one GPU; a row that throws is listed as missing, and the others go on.
class GpuRows {
 public:
  GpuRows(GpuCosts& into, int samples) : into_(into), samples_(samples) {}

  /// `sample` returns one value; two are thrown away first. `higher`: the best is the highest.
  void add(const std::string& name, const std::string& unit, const std::string& detail, bool higher,
           const std::function<double()>& sample) {
    try {
      for (int i = 0; i < kWarmUps; ++i) sample();
      std::vector<double> values;
      for (int i = 0; i < samples_; ++i) values.push_back(sample());
      std::sort(values.begin(), values.end());
      const std::size_t second = values.size() > 1 ? 1 : 0;
      const double best = higher ? values[values.size() - 1 - second] : values[second];
      into_.costs.push_back({name, unit, median_interval(values), best, detail});
    } catch (const Error& problem) {
      into_.missing.push_back({name, problem.problem()});
    }
  }

  void missing(const std::string& name, const std::string& why) {
    into_.missing.push_back({name, why});
  }

 private:
  static constexpr int kWarmUps = 2;
  GpuCosts& into_;
  int samples_;
};

/// The groups of rows, one .cu file each. The current device is the one measured.
void add_gpu_memory_rows(GpuRows& rows, const GpuCostOptions& options);
void add_gpu_transfer_rows(GpuRows& rows, const GpuCostOptions& options);
void add_gpu_launch_rows(GpuRows& rows, const GpuCostOptions& options);
void add_gpu_matrix_rows(GpuRows& rows, const GpuCostOptions& options);
void add_gpu_peer_rows(GpuRows& rows, const GpuCostOptions& options, int device, int devices);

}  // namespace aisp::machine
