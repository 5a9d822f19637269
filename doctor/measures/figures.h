// What the files of measures share: guarded decisions, small statistics, reasons why not.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/interval.h"
#include "doctor/probe.h"

namespace aisp::doctor {

using DecideMeasured = Finding (*)(const Evidence&, const Json&);

/// A decision that need not look out for malformed recordings: a missing or mistyped field becomes
/// "cannot see".
template <DecideMeasured decide>
Finding guarded(const Evidence& evidence, const Json& found) {
  try {
    return decide(evidence, found);
  } catch (const nlohmann::json::exception& problem) {
    return cannot_see(std::string("the measurement is malformed: ") + problem.what());
  }
}

inline std::string needs_nothing(const Evidence&) { return ""; }
inline std::string needs_pid(const Evidence& evidence) {
  return evidence.subject().pid == 0 ? "no --pid given" : "";
}
inline std::string needs_data(const Evidence& evidence) {
  return evidence.subject().data.empty() ? "no --data given" : "";
}
inline std::string needs_gpu(const Evidence& evidence) {
  return evidence.facts().gpus.empty() ? "no GPU" : "";
}
inline std::string needs_gpus(const Evidence& evidence) {
  return evidence.facts().gpus.size() < 2 ? "fewer than two GPUs" : "";
}

/// A list of numbers; throws as at() does.
inline std::vector<double> values(const Json& found, const char* key) {
  return found.at(key).get<std::vector<double>>();
}
inline double mean(const std::vector<double>& all) {
  double sum = 0.0;
  for (const double one : all) sum += one;
  return all.empty() ? 0.0 : sum / static_cast<double>(all.size());
}

}  // namespace aisp::doctor
