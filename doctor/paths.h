// Paths with one "*" a part, and lists of processors as the kernel writes them.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

/// All paths that match: "/sys/class/net/*/mtu"; "*" may stand inside a part ("nvme*n*") and never
/// matches '/'. A path without "*" matches itself, there or not. Sorted; at most 4,096.
std::vector<std::string> matching_paths(const Evidence& evidence, const std::string& pattern);

/// "0-3,8" -> {0,1,2,3,8}; "" -> {}; nothing when malformed or beyond 8,192 processors.
std::optional<std::set<int>> parse_cpu_list(std::string_view text);
/// {0,1,2,3,8} -> "0-3,8".
std::string cpu_list_text(const std::set<int>& cpus);

}  // namespace aisp::doctor
