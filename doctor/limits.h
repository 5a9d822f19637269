// How much memory the subject may lock, and whether the limit binds it at all.
//
// Source: getrlimit(2), mlock(2), capabilities(7), user_namespaces(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "doctor/evidence.h"
#include "doctor/finding.h"

namespace aisp::doctor {

struct LockedMemory {
  std::optional<std::uint64_t> limit_bytes;  // nothing: unlimited
  bool may_exceed = false;  // CAP_IPC_LOCK in the first user namespace: the limit does not bind
  std::vector<Reading> evidence;
};
/// Nothing when the limit cannot be read; `why` tells.
std::optional<LockedMemory> locked_memory(const Evidence& evidence, std::string* why);

/// Is the capability (its number in linux/capability.h) among CapEff? False when unknown.
bool has_capability(const Evidence& evidence, int number);

/// Is `locked` enough for what this machine would pin? ok, warn, fail.
Finding judge_locked_memory(const Evidence& evidence, const LockedMemory& locked);

}  // namespace aisp::doctor
