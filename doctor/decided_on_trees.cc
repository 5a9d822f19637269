// See decided_on_trees.h.
#include "doctor/decided_on_trees.h"

#include "doctor/embedded.h"
#include "machine/text_file.h"

namespace aisp::doctor {

const std::set<std::string>& decided_on_trees() {
  static const std::set<std::string> ids = [] {
    std::set<std::string> all;
    for (const auto line : machine::split(embedded_decided(), '\n')) {
      if (!line.empty()) all.emplace(line);
    }
    return all;
  }();
  return ids;
}

}  // namespace aisp::doctor
