// Verification against the reference. See verify.h.
#include "bench/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "bench/select.h"
#include "machine/vector_state.h"

namespace aisp::bench {

namespace {

void reference_there(const Lab& lab, const Params& params, InputSet& set, Expected& expected) {
  struct Memory {
    machine::DeviceArray value, scale;
  };
  std::vector<Memory> memory;
  std::vector<ExpectedOnDevice> outputs;
  for (const auto& output : expected.outputs) {
    const std::size_t bytes = output.value.size() * sizeof(double);
    memory.push_back({machine::DeviceArray(bytes), machine::DeviceArray(bytes)});
    memory.back().value.fill(0);
    memory.back().scale.fill(0);
    outputs.push_back({memory.back().value.as<double>(), memory.back().scale.as<double>()});
  }
  machine::device_wait();
  lab.reference_on_device(params, set.io(), outputs);
  machine::device_wait();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    auto& output = expected.outputs[i];
    memory[i].value.download(output.value.data(), output.value.size() * sizeof(double));
    output.scale.resize(output.value.size());
    memory[i].scale.download(output.scale.data(), output.scale.size() * sizeof(double));
    const bool used = std::any_of(output.scale.begin(), output.scale.end(),
                                  [](double scale) { return scale != 0.0; });
    if (!used) output.scale.clear();
  }
}

// Two sums of doubles in different orders: K * 2^-53 of the terms, K below 10^5 in our problems.
constexpr double kReferencesAgree = 1e-9;

}  // namespace

Expected compute_expected(const Lab& lab, const Params& params, InputSet& set, bool on_device) {
  Expected expected;
  expected.outputs.resize(set.problem().outputs.size());
  for (std::size_t i = 0; i < expected.outputs.size(); ++i) {
    expected.outputs[i].value.assign(set.problem().outputs[i].count(), 0.0);
  }
  if (on_device) {
    reference_there(lab, params, set, expected);
  } else {
    set.with_files_mapped([&](const Io& io) { lab.reference(params, io, expected); });
  }
  return expected;
}

std::string references_disagree(const Lab& lab, const Params& params, InputSet& set) {
  const Expected here = compute_expected(lab, params, set);
  const Expected there = compute_expected(lab, params, set, true);
  for (std::size_t i = 0; i < here.outputs.size(); ++i) {
    for (const auto part : {&Expected::Output::value, &Expected::Output::scale}) {
      const auto &a = here.outputs[i].*part, &b = there.outputs[i].*part;
      const char* what = part == &Expected::Output::value ? "value" : "scale";
      if (a.size() != b.size()) return fmt::format("only one reference gives a {}", what);
      double largest = 0.0;
      for (const double one : a) {
        if (std::isfinite(one)) largest = std::max(largest, std::fabs(one));
      }
      for (std::size_t k = 0; k < a.size(); ++k) {
        const bool alike = a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k])) ||
                           std::fabs(a[k] - b[k]) <= kReferencesAgree * largest;
        if (!alike) {
          return fmt::format("output {} [{}]: {} {} on the host, {} on the device",
                             set.problem().outputs[i].name, k, what, a[k], b[k]);
        }
      }
    }
  }
  return "";
}

std::string wrong_output(const Lab& lab, const Params& params, const InputSet& set,
                         const Expected& expected, bool skip_nonfinite, bool skip_rms,
                         double* worst_in_bounds) {
  Tolerance tolerance = lab.tolerance(params);
  if (skip_rms) tolerance.rms = 1.0;
  for (std::size_t i = 0; i < expected.outputs.size(); ++i) {
    const TensorSpec& spec = set.problem().outputs[i];
    const Comparison result =
        compare(set.output(i).data, spec.dtype, spec.count(),
                {expected.outputs[i].value, expected.outputs[i].scale}, tolerance, skip_nonfinite);
    if (worst_in_bounds != nullptr) {
      *worst_in_bounds = std::max(*worst_in_bounds, result.worst_in_bounds);
    }
    if (!result.ok()) return fmt::format("output {}: {}", spec.name, describe(result));
  }
  return "";
}

namespace {

// Verification uses one stream of this process for all device techniques.
OnDevice place_of(const Technique& technique) {
  if (technique.device == Device::kCpu) return {};
  static const machine::DeviceStream stream;
  return {stream.get()};
}

}  // namespace

std::string run_and_check(const Lab& lab, const Params& params, const Technique& technique,
                          std::uint64_t seed, const std::string& folder) {
  const auto plan = technique.plan(params);
  InputSet set(lab.problem(params), folder, place_of(technique));
  set.fill(lab, params, derive_seed(seed, 1));
  const Expected expected = compute_expected(lab, params, set);
  const std::uint64_t checksum = set.input_checksum();
  set.poison_outputs(derive_seed(seed, 2));
  const Io io = set.io();
  if (lab.before_each) lab.before_each(params, io);
  if (machine::cpu().avx2) machine::clear_upper_halves();
  plan->run(io, 1);
  if (machine::upper_halves_dirty()) {
    return "returned without vzeroupper: SSE code that runs after it is slowed down";
  }
  set.collect();
  if (set.on_device()) machine::device_wait();  // what went wrong there is thrown here
  if (const auto wrong = wrong_output(lab, params, set, expected); !wrong.empty()) return wrong;
  if (set.input_checksum() != checksum) return "an input was modified";
  if (const auto where = set.damaged_canary(); !where.empty()) {
    return "wrote outside of " + where;
  }
  return "";
}

namespace {

std::string check_techniques(const Lab& lab, Device device) {
  std::vector<Params> sizes = lab.ragged;
  for (const Case& one : lab.cases) {
    if (one.device == device) sizes.push_back(one.smoke);
  }
  for (const Params& params : sizes) {
    std::string where;
    for (const auto& [name, value] : params.values()) where += fmt::format(" {}={}", name, value);
    for (const Technique& technique : lab.techniques) {
      if (technique.device != device || !why_not_here(technique).empty()) continue;
      for (const std::uint64_t seed : {11u, 12u}) {
        const auto wrong = run_and_check(lab, params, technique, seed);
        if (!wrong.empty()) return fmt::format("{} at{}: {}", technique.name, where, wrong);
      }
    }
    if (device == Device::kCuda && lab.reference_on_device) {
      const machine::DeviceStream stream;
      InputSet set(lab.problem(params), "/tmp", {stream.get()});
      set.fill(lab, params, 13);
      const auto wrong = references_disagree(lab, params, set);
      if (!wrong.empty()) return fmt::format("reference_on_device at{}: {}", where, wrong);
    }
  }
  return "";
}

}  // namespace

std::string check_all_techniques(const Lab& lab) { return check_techniques(lab, Device::kCpu); }

std::string differing_bits(const Lab& lab, const Params& params) {
  InputSet set(lab.problem(params), "/tmp");
  set.fill(lab, params, 13);
  std::vector<std::vector<std::byte>> first;
  for (const Technique& technique : lab.techniques) {
    if (technique.device != Device::kCpu || !why_not_here(technique).empty()) continue;
    set.poison_outputs(14);
    technique.plan(params)->run(set.io(), 1);
    for (std::size_t i = 0; i < set.problem().outputs.size(); ++i) {
      const auto* data = static_cast<const std::byte*>(set.output(i).data);
      const std::span<const std::byte> bytes(data, set.problem().outputs[i].bytes());
      if (first.size() <= i) first.emplace_back(bytes.begin(), bytes.end());
      if (!std::ranges::equal(bytes, first[i])) {
        return fmt::format("{}: output {} has other bits", technique.name,
                           set.problem().outputs[i].name);
      }
    }
  }
  return "";
}

std::string check_device_techniques(const Lab& lab) { return check_techniques(lab, Device::kCuda); }

}  // namespace aisp::bench
