// From what workers measured to what a case means: verdicts, rates, fractions of the ceiling, and
// the results that cannot be true. Pure functions of the record and the ceilings.
#pragma once

#include "bench/device_ceilings.h"
#include "bench/lab.h"
#include "bench/record.h"
#include "machine/ceilings.h"

namespace aisp::bench {

struct JudgeRules {
  double margin = 0.01, level = 0.95;
  bool ceiling_check = true;
  ClockRule clock = ClockRule::kDeclared;
  double clock_step_ns = PairRules{}.clock_step_ns;
  const DeviceCeilings* device = nullptr;  // for cases on a GPU
  bool mig_slice = false;                  // of a GPU
};

/// Fills in everything of `result.techniques` that derives from `result.processes`. Techniques
/// whose outcome is already wrong, failed or skipped are left alone.
void judge_case(CaseResult& result, const Lab& lab, const machine::Cpu& cpu,
                const machine::Ceilings& ceilings, const JudgeRules& rules);

/// True when a technique came out impossible, or above a ceiling by more than 5 %. The caller then
/// measures the ceilings again before it believes either.
bool beyond_ceilings(const CaseResult& result);

}  // namespace aisp::bench
