// The rules of docs/STYLE.md, each a function from a tree to findings. all_rules() runs them in the
// order of that page.
#pragma once

#include <string>
#include <vector>

#include "tools/tidy/tree.h"

namespace aisp::tidy {

using Findings = std::vector<Finding>;

// rooms.cc
Findings check_rooms(const Tree& tree);      // tools/rooms.txt: folders and includes
Findings check_printing(const Tree& tree);   // only app and report write to stdout
Findings check_isa_flags(const Tree& tree);  // no -mavx..., -march, -ffast-math

// budgets.cc: file, line and function lengths, with tools/tidy_exceptions.txt
Findings check_budgets(const Tree& tree);

// words.cc
Findings check_banned_words(const Tree& tree);  // identifiers and file names
Findings check_unfinished(const Tree& tree);    // words of unfinished work
Findings check_local_paths(const Tree& tree);   // paths of one person's machine
Findings check_file_headers(const Tree& tree);  // header comment, #pragma once

// labs.cc: what a lab's folder holds
Findings check_labs(const Tree& tree);

// documents.cc
Findings check_links(const Tree& tree);         // relative links in documents
Findings check_excerpts(const Tree& tree);      // ```cpp file=path is verbatim
Findings check_shell_blocks(const Tree& tree);  // ```sh: run, or norun with a reason
Findings check_dependencies(const Tree& tree);  // every package is argued

Findings all_rules(const Tree& tree);

/// "path:line: rule: reason; write instead: ..."
std::string describe(const Finding& finding);

/// Where one function begins and how many lines it has; from braces, without a parser.
struct Function {
  std::string name;
  int line = 0;
  int lines = 0;
};
std::vector<Function> functions_of(const SourceFile& file);

/// A table of files and lines per room, as text.
std::string room_statistics(const Tree& tree);

}  // namespace aisp::tidy
