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
/// GPUs, their pairs, versions of the drivers. Loads libraries of vendors, never for a recorded
/// tree.
void read_gpus(const FileTree& tree, Facts& facts);
/// Numeric and communication libraries. Those whose file names carry no version are asked in a
/// child process; never for a recorded tree.
void read_libraries(const FileTree& tree, Facts& facts);

}  // namespace aisp::machine
