// Memory: swap, huge pages, limits.
//
// Source: proc(5); Linux Documentation/admin-guide/sysctl/vm.rst.
#include <fmt/format.h>

#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// Swap that is on lets a pinned-looking buffer go to disk under pressure.
Finding swap_off(const Evidence& evidence) {
  const Text swaps = evidence.read("/proc/swaps");
  if (!swaps) return cannot_see(swaps.why);
  const auto lines = machine::split(swaps.value, '\n');
  std::vector<Reading> read = {{"/proc/swaps", fmt::format("{} areas", lines.size() - 1)}};
  if (lines.size() <= 1) return ok("no swap area is in use", read);
  const Text swappiness = evidence.read("/proc/sys/vm/swappiness");
  if (swappiness) read.push_back({"/proc/sys/vm/swappiness", swappiness.value});
  const auto value = swappiness ? machine::parse_number(swappiness.value) : std::nullopt;
  if (value && *value <= 10) return ok("swap is on, but swappiness keeps it for emergencies", read);
  std::vector<Fix> fixes = {{Fix::Kind::kWrite, "/proc/sys/vm/swappiness", "10"}};
  return warn("swap is on and may be used before memory is short", read,
              "a page that comes back from disk costs 0.1 to 10 ms; --prove swap-off measures it",
              fixes);
}

}  // namespace

std::vector<Probe> memory_probes() { return {{"swap-off", swap_off}}; }

}  // namespace aisp::doctor
