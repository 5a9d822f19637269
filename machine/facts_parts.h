// The parts that read_facts() is made of, one file each. Each fills its own members and says in
// `unseen` what it could not read and why.
#pragma once

#include "machine/facts.h"
#include "machine/file_tree.h"

namespace aisp::machine {

/// Host name, kernel, distribution, limits, affinity, NUMA distances.
void read_system(const FileTree& tree, Facts& facts);
/// Hypervisor, bare metal, container.
void read_virtualization(const FileTree& tree, Facts& facts);
/// Disks, network devices, RDMA ports.
void read_devices(const FileTree& tree, Facts& facts);

}  // namespace aisp::machine
