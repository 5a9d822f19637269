// `aisp machine --topology`: what is near what, as text and as a picture.
#pragma once

#include <string>

#include "machine/topology.h"

namespace aisp::app {

/// The tree, equal neighbours on one line: "8 x L2 1 MiB > L1d 32 KiB > core: processors 0-7".
std::string topology_text(const machine::TopologyNode& machine);

/// Prints the tree, the processors near each device, and how each GPU reaches disks and networks.
void print_topology(const machine::TopologyNode& machine);

/// Writes the picture. Throws Error when the file cannot be written; nothing half-written stays.
void write_topology_svg(const machine::TopologyNode& machine, const std::string& path);

}  // namespace aisp::app
