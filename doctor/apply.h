// Applies an item's remedy to the system, measures it, and keeps it or rolls back. The work that is
// measured runs in one process all the time, while the old and the new value take turns, epoch by
// epoch: what both share cancels. Whatever happens in between (a refusal, Ctrl-C, a worker that
// dies), the old bytes are restored; after a crash the undo file restores them.
#pragma once

#include <string>

#include "doctor/finding.h"
#include "doctor/prove.h"
#include "doctor/undo.h"

namespace aisp::doctor {

struct ApplyOptions {
  std::string root;         // prefixes the files that are written, in tests
  std::string undo_folder;  // "": artifacts
  bool keep = false;        // whatever is measured; otherwise only what is faster
  ProveOptions prove;
  std::string out;
  std::vector<std::string> command;
};

struct Applied {
  enum class End { kKept, kRolledBack, kInterrupted };
  End end = End::kRolledBack;
  bool measured = false;
  Proved proved;          // of old against new, when measured
  std::string says;       // one line
  std::string undo_file;  // when kept: what --undo takes
};

/// What would be written: for the dry run, and for apply(). Throws Error when the finding has no
/// fix that is a write, or a file cannot be read.
std::vector<Change> changes_of(const Finding& finding, const std::string& root);

/// Does it. Throws Error when a value is refused; all is as it was then.
Applied apply(const std::string& id, const std::vector<Change>& changes,
              const ApplyOptions& options);

}  // namespace aisp::doctor
