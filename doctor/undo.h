// Writes settings of the kernel (or a tree's files, in tests) so that what was there can always be
// restored, byte by byte: the old contents are in a synced undo file before the first write, and a
// crash leaves that file behind. See apply.h for what it is used for.
#pragma once

#include <string>
#include <vector>

#include "doctor/finding.h"

namespace aisp::doctor {

/// One file with its old content and what was asked to be there.
struct Change {
  std::string target, old_text, wanted;
};

/// Reads the old contents of a remedy's files. Only kWrite fixes below /proc/sys or /sys are taken
/// (no "..", no link out of them, no file twice); anything else throws Error, so does a file that
/// cannot be read. `root` prefixes every path, in tests.
std::vector<Change> plan_changes(const std::vector<Fix>& fixes, const std::string& root);

/// The text that a file holds is what was asked for: as it stands, as a number, or as the word in
/// brackets of "always [madvise] never".
bool holds_wanted(const std::string& text, const std::string& wanted);

class Undo {
 public:
  /// Writes the undo file, anew, and syncs it with its folder. Throws Error when it exists or
  /// cannot be written; nothing is changed then.
  Undo(std::string file, std::string item, std::string root, std::vector<Change> changes);
  /// Takes over one that a crash left behind. Throws Error when it is no undo file.
  static Undo read(const std::string& file, const std::string& root);

  /// Writes all wanted values. When one is refused, or does not come to be, what was written
  /// before it is restored and Error says which.
  void apply() const;
  /// Writes all old contents, last first, and reads them back. Throws Error naming every file that
  /// does not hold its old bytes; the others do.
  void restore() const;
  /// Removes the undo file: everything is restored, or meant to stay.
  void forget() const;

  const std::string& file() const { return file_; }
  const std::string& item() const { return item_; }
  const std::vector<Change>& changes() const { return changes_; }

 private:
  Undo() = default;
  std::string file_, item_, root_;
  std::vector<Change> changes_;
};

}  // namespace aisp::doctor
