// Every protection the instrument advertises, by name. Each has a planted cheat in bench/attacks
// that only it catches; `--without-check NAME` switches it off (and marks the record), which is how
// the attack suite proves that the cheat would otherwise pass.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace aisp::bench {

struct CheckInfo {
  const char* name;
  const char* protects_from;
};

/// All checks, in the order of docs/MEASURING.md.
const std::vector<CheckInfo>& all_checks();

/// Which checks are off. Empty in every run that claims anything.
class Checks {
 public:
  Checks() = default;
  /// Throws UsageError with the nearest name for an unknown one.
  explicit Checks(const std::vector<std::string>& off);
  bool on(const char* name) const { return off_.count(name) == 0; }
  std::vector<std::string> off() const { return {off_.begin(), off_.end()}; }

 private:
  std::set<std::string> off_;
};

}  // namespace aisp::bench
