// From findings to two shell scripts that a person reads and runs: one that applies remedies (dry
// run unless DRY_RUN=0, a function for each item, old values kept in a folder) and one that undoes
// them. Nothing here runs anything. ROOT prefixes every file that is written, for trying it out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "doctor/finding.h"

namespace aisp::doctor {

/// One item with what its finding proposes.
struct Remedy {
  std::string id, title, says;
  std::vector<Fix> fixes;
};

struct FixScripts {
  std::string apply, undo;  // POSIX sh
};

/// Remedies without fixes are left out. Every value is quoted: bytes of a hostile file name or
/// value never become commands, and comments hold one line of printable text.
FixScripts fix_scripts(const std::vector<Remedy>& remedies);

/// The text as one word of sh, whatever it holds but NUL (which ends it).
std::string shell_quoted(std::string_view text);

}  // namespace aisp::doctor
