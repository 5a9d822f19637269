// Where the dataset (--data) lies: its mount, and the disk below, as the kernel names it.
//
// Source: proc_pid_mountinfo(5), Linux Documentation/ABI/stable/sysfs-block.
#pragma once

#include <optional>
#include <string>

#include "doctor/evidence.h"
#include "doctor/mounts.h"

namespace aisp::doctor {

struct DatasetPlace {
  std::string path;  // as asked for
  Mount mount;
  std::string disk;  // "nvme0n1", the whole disk; empty: none below (network, memory, unknown)
};
/// Nothing when no dataset is named or its mount cannot be found; `why` tells.
std::optional<DatasetPlace> dataset_place(const Evidence& evidence, std::string* why);

/// Nothing to decide without --data: the words for it.
inline constexpr const char* kNoData = "no --data given";

/// Files come over a network: nfs, cifs, lustre, ceph, ...
bool is_network_type(const std::string& type);
/// A file system made for many readers at once: lustre, gpfs, beegfs, weka.
bool is_parallel_type(const std::string& type);

}  // namespace aisp::doctor
