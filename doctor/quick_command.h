// Runs a read-only program that may be installed, and never waits long for it.
#pragma once

#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

struct QuickCommand {
  Text::Seen seen = Text::Seen::kAbsent;
  int status = 0;
  std::string output;  // standard output alone, at most Evidence::kMostBytes
  std::string why;
};

/// Looks for argv[0] on PATH (and /usr/sbin, /sbin). Standard input is empty, standard error is
/// dropped. Killed with its group after `seconds`. A status other than 0 is still kYes.
QuickCommand run_quick_command(const std::vector<std::string>& argv, double seconds);

}  // namespace aisp::doctor
