// aisp bench history TARGET: the trend of a target over stored runs.
#pragma once

#include <string>
#include <vector>

namespace aisp::app {

struct HistoryCommand {
  std::vector<std::string> targets;
  std::string runs = "artifacts";
  std::string technique;  // glob; "": all
  std::vector<std::string> modules;
  std::string hardware_key;  // "": this machine's
  bool json = false;
};

/// Exit codes: 0; 2 when no stored run holds the target; 4 usage or fault.
int cmd_bench_history(const HistoryCommand& command);

}  // namespace aisp::app
