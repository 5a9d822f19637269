// What the documents promise: fenced blocks, and the commands in them that a test runs.
#pragma once

#include <string>
#include <vector>

#include "tools/tidy/rules.h"

namespace aisp::tidy {

/// A fenced block of a document. `info` is what follows the opening backticks.
struct Fence {
  int line = 0;  // of the opening fence
  std::string info;
  std::vector<std::string> lines;
};
std::vector<Fence> fences_of(const SourceFile& document);

/// A command that a document shows and the test runs: a line of a ```sh block that begins with
/// build/aisp (after an optional "$ "). "# exit 3" at its end says that it must end with 3.
struct ShownCommand {
  std::string document;
  int line = 0;
  std::string text;
  int exit_status = 0;
  std::string not_run;  // the reason of a ```sh norun block; "" means run it
};
std::vector<ShownCommand> shown_commands(const Tree& tree);

/// Runs every command with `binary` in place of build/aisp and its folder for the rest of build/.
/// Each document in a temporary folder of
/// its own, 120 s at most each. Prints one line a command to stdout. Returns what did not end as
/// the document says.
Findings run_shown_commands(const std::vector<ShownCommand>& commands, const std::string& binary);

}  // namespace aisp::tidy
