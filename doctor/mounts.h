// Which mount holds a path, from the text of /proc/self/mountinfo (proc(5)).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "doctor/evidence.h"

namespace aisp::doctor {

struct Mount {
  std::string device;                        // "259:1"
  std::string point, type, source, options;  // options of mount and super block, comma separated
};

/// The mount with the longest point that leads to the absolute `path`; the last of equals, as the
/// kernel sees it. Nothing when no line can be read.
std::optional<Mount> mount_of(std::string_view mountinfo, std::string_view path);

/// Type, source and options of the mount into `into`; left empty when it is not found.
void fill_mount(std::string_view mountinfo, std::string_view path, FileSystem& into);

}  // namespace aisp::doctor
