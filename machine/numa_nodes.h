// NUMA nodes with memory, and pages bound to one of them.
#pragma once

#include <string>
#include <vector>

#include "machine/crew.h"

namespace aisp::machine {

struct NumaNode {
  int number = 0;
  std::vector<int> cores;  // of the usable ones; empty: memory without cores
};

/// Nodes with memory, as sysfs lists them; none where it lists nothing. `root` prefixes the paths.
std::vector<NumaNode> read_numa_nodes(const std::vector<int>& usable_cores,
                                      const std::string& root);

/// Before the first touch: the buffer's pages come from that node only. Empty, or why not.
std::string bind_to_node(const PageBuffer& buffer, int node);

}  // namespace aisp::machine
