// Why values of GPUs are absent, gathered over all GPUs and said in few lines: eight GPUs without
// fans are one line, not sixteen.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "machine/facts.h"

namespace aisp::machine {

class GpuRefusals {
 public:
  void add(int gpu, const std::string& what, const std::string& why, bool root_would_see = false);
  /// One entry for each reason and set of GPUs: the values it hides.
  std::vector<Facts::Unseen> gathered() const;

 private:
  struct Reason {
    std::map<std::string, std::set<int>> gpus_of_value;
    bool root_would_see = false;
  };
  std::map<std::string, Reason> reasons_;
};

}  // namespace aisp::machine
