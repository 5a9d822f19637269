// What the files of trace measures share: figures from a trace, made by a pure function.
#pragma once

#include <fmt/format.h>

#include "base/error.h"
#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/trace.h"

namespace aisp::doctor {

inline std::string needs_trace(const Evidence& evidence) {
  return evidence.subject().trace.empty()
             ? "this build traces no process; --trace takes a profile (PyTorch's Chrome trace)"
             : "";
}

/// The figures of the first rank's trace.
template <Json (*figures)(const Trace&)>
Json from_trace(const Evidence& evidence, double) {
  return figures(load_traces(evidence.subject().trace).front());
}

template <Json (*figures)(const Trace&), DecideMeasured decide>
Measure trace_measure(const char* id) {
  return {id, needs_trace, from_trace<figures>, guarded<decide>, 1.0};
}

inline std::string short_name(const std::string& kernel) {
  constexpr std::size_t kMost = 60;
  return kernel.size() <= kMost ? kernel : kernel.substr(0, kMost) + "...";
}

inline double share_of(double part, double whole) { return whole > 0 ? part / whole : 0.0; }

}  // namespace aisp::doctor
