// The files that the rules look at, and what a rule says about one. A tree is loaded from a folder,
// or put together by a test; rules are plain functions from a tree to findings.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::tidy {

/// One file. `code` is filled for C++ files only: the lines with comments blanked out and literals
/// emptied, so that columns stay where they are.
struct SourceFile {
  std::string path;  // relative to the root, '/' between folders
  std::string text;  // empty for binary files
  std::vector<std::string> lines;
  std::vector<std::string> code;

  std::string room() const;       // the top-level folder, "" for files in the root
  std::string folder() const;     // without the name, "" in the root
  std::string name() const;       // without the folder
  std::string extension() const;  // ".cc"
  bool is_cpp() const;
  bool is_script() const;  // CMake, shell, Python, make, pages
};

/// One sentence about one line: what is wrong and what to write instead. `line` counts from 1;
/// 0 means the file as a whole. A note does not fail the run.
struct Finding {
  std::string path;
  int line = 0;
  std::string rule;
  std::string reason;
  std::string instead;
  bool note = false;
};

class Tree {
 public:
  /// Reads every file under `root` that .gitignore's folder patterns do not exclude; dot-folders
  /// other than .ci are left out. Throws Error when the folder cannot be read.
  static Tree load(const std::string& root);

  /// Adds one file; for load() and for tests.
  void add(const std::string& path, const std::string& text);

  const SourceFile* find(const std::string& path) const;
  bool has_folder(const std::string& path) const;
  const std::map<std::string, SourceFile>& files() const { return files_; }

 private:
  std::map<std::string, SourceFile> files_;
};

std::vector<std::string> split_lines(const std::string& text);
std::string_view trim(std::string_view text);
/// Splits at `separator` and trims each part.
std::vector<std::string> split(std::string_view text, char separator);

/// C++ text with comments blanked and the inside of string and character literals emptied.
std::string blank_comments_and_literals(const std::string& text);

}  // namespace aisp::tidy
