// `aisp doctor --apply ID`, `--undo FILE` and `--fix-script FOLDER`: from findings to changes of
// the system, always with the way back.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "doctor/apply.h"
#include "doctor/examine.h"

namespace aisp::app {

struct ApplyCommand {
  std::string id;      // --apply
  bool yes = false;    // do it: otherwise what would be done is shown
  std::string undo;    // --undo: an undo file
  std::string script;  // --fix-script: folder of fix.sh and undo.sh
  doctor::ApplyOptions options;
};

/// --apply, --yes, --keep, --undo, --undo-folder, --fix-script.
void add_apply_options(CLI::App* app, ApplyCommand& command);
inline bool wanted(const ApplyCommand& command) {
  return !command.id.empty() || !command.undo.empty() || !command.script.empty();
}

/// Examines what is needed and does what was asked. Exit code 0: done, or shown; 1: measured and
/// rolled back because it is slower; 130: interrupted, all is as it was.
int cmd_doctor_apply(const ApplyCommand& command, const doctor::ExamineOptions& how);

}  // namespace aisp::app
