// The descriptive half of a record: who ran what, on which machine, and what each case and
// technique is. Written before anything is measured; run.cc fills in the rest.
#pragma once

#include <vector>

#include "bench/device_ceilings.h"
#include "bench/record.h"
#include "bench/run.h"
#include "machine/ceilings.h"

namespace aisp::bench {

/// The header of a run: run.json. options.out names the run.
Json describe_run(const RunOptions& options, const machine::Cpu& cpu,
                  const machine::Ceilings& ceilings, const DeviceCeilings& device = {});

/// One case of a lab at options.size, with its declared work and without techniques.
CaseResult describe_case(const KnownLab& known, const Case& one, const RunOptions& options);

/// "" or "needs 12.3 GiB of device memory, NVIDIA H200 has 139.8": inputs with their copies,
/// outputs, references, and half a GiB for what plans take.
std::string too_little_memory(const Lab& lab, const Params& params, CacheMode cache,
                              const machine::CudaDevice& device);

/// A lab's techniques for the device of `one`, the baseline first; those that cannot run here are
/// skipped with the reason. `ceilings`: behind them a row of role "ceiling" for each number of
/// threads among them.
std::vector<TechniqueResult> describe_techniques(const Lab& lab, const Case& one,
                                                 const RunOptions& options, const machine::Cpu& cpu,
                                                 bool ceilings = false);

}  // namespace aisp::bench
