// `aisp machine`: what this computer is, in what state, and what it can do at most.
#pragma once

#include <string>

namespace aisp::app {

struct MachineOptions {
  bool json = false;      // one JSON document instead of tables
  bool ceilings = true;   // measured ceilings too, from the cache where it has them
  bool costs = true;      // latencies, threads, disks and the like; never without ceilings
  bool refresh = false;   // measure again
  double seconds = 20.0;  // of measuring: half for the ceilings, half for the costs
  std::string disk;       // folder whose disk is measured; empty: that of temporary files
  bool topology = false;  // what is near what, instead of tables
  std::string svg;        // file for a picture of the topology; empty: none
  bool watch = false;     // sample until interrupted
  double watch_seconds = 1.0;
  int count = 0;  // of samples; 0: without end
};

/// Prints to standard output; while measuring, progress goes to standard error if that is a
/// terminal. Returns the exit code, 0. Throws Error when memory or threads cannot be had, or a file
/// cannot be written.
int cmd_machine(const MachineOptions& options);

}  // namespace aisp::app
