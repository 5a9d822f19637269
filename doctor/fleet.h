// What differs between machines that should be alike: two documents side by side, or the odd ones
// out of many. Works on stored examinations alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "doctor/examine.h"

namespace aisp::doctor {

/// One property and who has which value of it; absent is a value too ("-").
struct Difference {
  std::string key;                                         // "gpus/3/pcie_width_now", "swap-off"
  std::map<std::string, std::vector<std::string>> values;  // value -> hosts
  std::string usual;                                       // what most have; empty: no majority
  /// Hosts that do not have the usual value; all hosts when there is none.
  std::vector<std::string> odd() const;
};

/// Properties of which not all machines have the same value: verdicts, settings that probes read,
/// facts. What differs on every machine by nature (names, addresses, temperatures, loads) is left
/// out. Verdicts first, then facts; in the order of the checklist.
std::vector<Difference> differences(const std::vector<Examination>& machines);

/// Measured figures of one item that lie apart from the others: more than 10 % and five robust
/// standard deviations from the median; needs four machines.
struct Outlier {
  std::string host, item, source;
  double value = 0.0, median = 0.0;
};
std::vector<Outlier> outliers(const std::vector<Examination>& machines);

/// Reads documents of `aisp doctor --json`: a file, or every *.json of a folder. Throws Error
/// naming the file that is not one. Hosts that are there twice get "#2", "#3" ... behind their
/// names.
std::vector<Examination> read_documents(const std::vector<std::string>& paths);

}  // namespace aisp::doctor
