// The files of `aisp generate --batch`: lines that ask, and the answers that are there already.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "app/generate_answer.h"

namespace aisp::app {

struct BatchLine {
  std::string id;
  nlohmann::ordered_json content;
};

/// All lines of a file, checked for their form and their grammars, so that a mistake in the last is
/// known before the first runs. Throws Error.
std::vector<BatchLine> read_batch(const std::string& path, bool ignore_end);

/// The line's own; empty when it has none.
GrammarText grammar_of(const BatchLine& line);

/// The ids in a file of answers, none when there is no file. A last line that a kill cut short is
/// cut off. Throws Error: it is no such file, or cannot be cut.
std::set<std::string> answered_ids(const std::string& path);

}  // namespace aisp::app
