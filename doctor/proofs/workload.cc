// The table of workloads and their words. See workload.h.
#include "doctor/proofs/workload.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "base/error.h"

namespace aisp::doctor {
namespace {

std::vector<WorkloadRow> all_rows() {
  std::vector<WorkloadRow> all;
  for (const auto& table : {memory_work(), thread_work(), file_work(), direct_work(), step_work(),
                            network_work(), compute_work()}) {
    all.insert(all.end(), table.begin(), table.end());
  }
  return all;
}

double factor_of(char suffix) {
  switch (suffix) {
    case 'K':
      return 1024.0;
    case 'M':
      return 1024.0 * 1024;
    case 'G':
      return 1024.0 * 1024 * 1024;
    default:
      return 0.0;
  }
}

}  // namespace

double Arguments::number(const std::string& name, double otherwise) const {
  used_.insert(name);
  const auto found = words_.find(name);
  if (found == words_.end()) return otherwise;
  char* end = nullptr;
  const double value = std::strtod(found->second.c_str(), &end);
  const std::string rest = end;
  const double factor = rest.empty() ? 1.0 : rest.size() == 1 ? factor_of(rest[0]) : 0.0;
  if (end == found->second.c_str() || factor == 0.0 || !std::isfinite(value)) {
    throw Error(fmt::format("'{}' is not a number", found->second), "workload argument " + name,
                "write 64, 64K, 64M or 1G");
  }
  return value * factor;
}

std::string Arguments::word(const std::string& name, const std::string& otherwise) const {
  used_.insert(name);
  const auto found = words_.find(name);
  return found == words_.end() ? otherwise : found->second;
}

std::vector<std::string> Arguments::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : words_) {
    if (!used_.contains(name)) names.push_back(name);
  }
  return names;
}

Prepared make_workload(const std::string& name, const Arguments& arguments) {
  for (const WorkloadRow& row : all_rows()) {
    if (row.name != name) continue;
    Prepared made = row.make(arguments);
    const auto left = arguments.unused();
    if (!left.empty()) throw Error("it has no argument " + left.front(), "workload " + name, "");
    return made;
  }
  throw Error("there is no such workload", name, "");
}

}  // namespace aisp::doctor
