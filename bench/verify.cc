// Verification against the reference. See verify.h.
#include "bench/verify.h"

#include <fmt/format.h>

#include "base/rng.h"
#include "machine/vector_state.h"

namespace aisp::bench {

Expected compute_expected(const Lab& lab, const Params& params, InputSet& set) {
  Expected expected;
  expected.outputs.resize(set.problem().outputs.size());
  for (std::size_t i = 0; i < expected.outputs.size(); ++i) {
    expected.outputs[i].value.assign(set.problem().outputs[i].count(), 0.0);
  }
  set.with_files_mapped([&](const Io& io) { lab.reference(params, io, expected); });
  return expected;
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

std::string run_and_check(const Lab& lab, const Params& params, const Technique& technique,
                          std::uint64_t seed, const std::string& folder) {
  const auto plan = technique.plan(params);
  InputSet set(lab.problem(params), folder);
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
  if (const auto wrong = wrong_output(lab, params, set, expected); !wrong.empty()) return wrong;
  if (set.input_checksum() != checksum) return "an input was modified";
  if (const auto where = set.damaged_canary(); !where.empty()) {
    return "wrote outside of " + where;
  }
  return "";
}

std::string check_all_techniques(const Lab& lab) {
  std::vector<Params> sizes = lab.ragged;
  for (const Case& one : lab.cases) sizes.push_back(one.smoke);
  for (const Params& params : sizes) {
    std::string where;
    for (const auto& [name, value] : params.values()) where += fmt::format(" {}={}", name, value);
    for (const Technique& technique : lab.techniques) {
      if (technique.device != Device::kCpu) continue;
      if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
      for (const std::uint64_t seed : {11u, 12u}) {
        const auto wrong = run_and_check(lab, params, technique, seed);
        if (!wrong.empty()) return fmt::format("{} at{}: {}", technique.name, where, wrong);
      }
    }
  }
  return "";
}

}  // namespace aisp::bench
