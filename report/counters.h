// What hardware counters say of a technique, for somebody who learns: the kernels of one call taken
// together, as the few figures that explain most, and sentences that compare it with its baseline.
// Source: Nsight Compute documentation, "Kernel Profiling Guide".
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/model.h"

namespace aisp::report {

/// Sums over the kernels of a call; shares are means over its time on the device. What was not
/// counted is NaN.
struct CounterDigest {
  std::size_t kernels = 0;
  double ns = 0.0;                                    // under the profiler: a weight, not a time
  double bytes_read = 0.0, bytes_written = 0.0;       // of device memory
  double load_sectors = 0.0, store_sectors = 0.0;     // of 32 bytes, for each request of a warp
  double shared_passes = 0.0, conflict_passes = 0.0;  // over shared memory; of them by conflicts
  double occupancy = 0.0, occupancy_limit = 0.0;      // of the warps that fit, 0 to 1
  std::string limited_by;                             // what sets the limit; "" where it is 1
  double registers = 0.0;                             // a thread, the most of all kernels
  double tensor = 0.0;                                // of the cycles, 0 to 1
  double spilled_bytes = 0.0;
  std::vector<std::pair<std::string, double>> waits;  // for what, share; the largest first
};

/// Kernels empty: nothing was counted.
CounterDigest digest(const bench::CounterProfile& profile);

/// One sentence each about what stands out, alone and against the baseline's. Plain text.
std::vector<std::string> explain_counters(const bench::CaseResult& result,
                                          const CounterDigest& mine, const CounterDigest* baseline);

/// The counters of a case, or the line that says why there are none; "" where none were asked for.
std::string render_counters(const CaseView& view);  // HTML
std::string counters_as_markdown(const CaseView& view);

}  // namespace aisp::report
