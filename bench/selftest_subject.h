// What the self-test times: workloads with planted effects of known size, on the CPU and on a GPU.
// selftest.cc puts both through the trial that judges labs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/trial.h"

namespace aisp::bench {

/// A workload, an effect planted in it, and the margin at which it is judged.
struct SelftestPair {
  std::string workload;
  double effect = 0.0;
  double margin = 0.01;
  double truth = 1.0;  // time with the effect over time without
  bool is_long = false;
};

class SelftestSubject {
 public:
  virtual ~SelftestSubject() = default;
  virtual const std::vector<SelftestPair>& pairs() const = 0;
  /// One side of a pair: with the effect, or without.
  virtual Contender contender(std::size_t pair, bool with_effect) = 0;
  /// How epochs are made and which clock decides.
  virtual void set_rules(TrialOptions& options) const = 0;
};

/// Chains of dependent steps (selftest_workloads.h).
std::unique_ptr<SelftestSubject> selftest_on_cpu(std::uint64_t seed);

/// Kernels that compute or read memory (selftest_kernels.h), through DeviceBench as labs go.
/// Calibrates for a second or two. Throws Error where there is no GPU.
std::unique_ptr<SelftestSubject> selftest_on_device();

}  // namespace aisp::bench
