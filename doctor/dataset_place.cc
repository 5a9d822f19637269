// See dataset_place.h.
#include "doctor/dataset_place.h"

#include <fmt/format.h>

#include <filesystem>

namespace aisp::doctor {
namespace {

// "../../devices/pci0000:00/.../block/nvme0n1/nvme0n1p1" -> "nvme0n1": a partition lies below its
// disk there.
std::string disk_of_link(const std::string& target) {
  const std::filesystem::path path(target);
  const std::string last = path.filename().string();
  const std::string parent = path.parent_path().filename().string();
  return parent.empty() || parent == "block" ? last : parent;
}

std::string disk_below(const Evidence& evidence, const Mount& mount) {
  const Text by_number = evidence.link("/sys/dev/block/" + mount.device);
  if (by_number) return disk_of_link(by_number.value);
  // btrfs and others have numbers of no device; their source names one.
  if (!mount.source.starts_with("/dev/")) return "";
  const std::string name = std::filesystem::path(mount.source).filename().string();
  const Text by_name = evidence.link("/sys/class/block/" + name);
  return by_name ? disk_of_link(by_name.value) : "";
}

}  // namespace

std::optional<DatasetPlace> dataset_place(const Evidence& evidence, std::string* why) {
  DatasetPlace place;
  place.path = evidence.subject().data;
  if (place.path.empty()) {
    *why = kNoData;
    return std::nullopt;
  }
  if (!place.path.starts_with('/')) {
    *why = fmt::format("'{}' is not an absolute path", place.path);
    return std::nullopt;
  }
  std::string real = place.path;
  const Text link = evidence.link(place.path);
  if (link) {
    real = (std::filesystem::path(place.path).parent_path() / link.value).lexically_normal();
  }
  const Text mounts = evidence.read("/proc/self/mountinfo");
  const auto mount = mount_of(mounts.value, real);
  if (!mount) {
    *why = mounts ? "/proc/self/mountinfo: no mount leads to " + real : mounts.why;
    return std::nullopt;
  }
  place.mount = *mount;
  place.disk = disk_below(evidence, *mount);
  return place;
}

bool is_network_type(const std::string& type) {
  for (const char* const known :
       {"nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.ceph", "fuse.sshfs", "fuse.s3fs",
        "fuse.gcsfuse", "fuse.blobfuse", "fuse.mount-s3", "9p", "glusterfs", "fuse.glusterfs"}) {
    if (type == known) return true;
  }
  return is_parallel_type(type);
}

bool is_parallel_type(const std::string& type) {
  return type == "lustre" || type == "gpfs" || type == "beegfs" || type == "wekafs";
}

}  // namespace aisp::doctor
