// Labs of one's own in a TOML file: pairs of commands with their cases, work and output check, run
// by the same `aisp bench run` as every other lab. docs/COMPARING.md has the format with an
// example.
#pragma once

#include <string>
#include <vector>

#include "bench/command/command.h"

namespace aisp::bench::command {

/// True for names that end in .toml.
bool is_lab_file(const std::string& path);

/// All labs of the file, in its order. Throws UsageError with file and line for a syntax error, an
/// unknown key (with the nearest one), a wrong type, a missing or repeated name, a value that no
/// command uses. A program that is not installed is no error: its technique says that it cannot run
/// here.
std::vector<CommandLab> read_lab_file(const std::string& path);

}  // namespace aisp::bench::command
