// Loads a tree of files and prepares C++ text for the rules. A small scanner instead of a parser:
// the rules need words and braces, not types.
#include "tools/tidy/tree.h"

#include <fnmatch.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace aisp::tidy {
namespace {

constexpr std::size_t kLargestTextFile = 1
                                         << 20;  // a source file has some 20 KiB; data is not read

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> ignored_folders(const std::string& root) {
  std::vector<std::string> patterns;
  std::ifstream file(root + "/.gitignore");
  for (std::string line; std::getline(file, line);) {
    if (line.size() > 2 && line.back() == '/') {
      line.pop_back();
      if (line.front() == '/') line.erase(0, 1);
      patterns.push_back(line);
    }
  }
  return patterns;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("cannot be read", path.string(), "check its permissions");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool ends_raw_literal(const std::string& text, std::size_t at, const std::string& closing) {
  return text.compare(at, closing.size(), closing) == 0;
}

}  // namespace

std::string SourceFile::room() const {
  const auto slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}
std::string SourceFile::folder() const {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}
std::string SourceFile::name() const {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}
std::string SourceFile::extension() const {
  const std::string file = name();
  const auto dot = file.rfind('.');
  return dot == std::string::npos ? "" : file.substr(dot);
}
bool SourceFile::is_cpp() const {
  return one_of(extension(), {".cc", ".h", ".cu", ".cuh", ".inc"});
}
bool SourceFile::is_script() const {
  return one_of(extension(), {".cmake", ".sh", ".py", ".js", ".css"}) ||
         one_of(name(), {"CMakeLists.txt", "Makefile"});
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (true) {
    const auto end = text.find(separator, begin);
    parts.emplace_back(trim(text.substr(begin, end - begin)));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string blank_comments_and_literals(const std::string& text) {
  enum class In { kCode, kLineComment, kBlockComment, kString, kChar, kRaw } in = In::kCode;
  std::string out = text;
  std::string closing;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c == '\n') {
      if (in == In::kLineComment) in = In::kCode;
      continue;
    }
    switch (in) {
      case In::kCode:
        if (c == '/' && next == '/') in = In::kLineComment;
        if (c == '/' && next == '*') in = In::kBlockComment;
        if (in != In::kCode) {
          out[i] = ' ';
        } else if (c == '"' && i > 0 && text[i - 1] == 'R') {
          in = In::kRaw;
          closing = text.substr(i + 1, text.find('(', i) - i - 1) + "\"";
          closing.insert(closing.begin(), ')');
        } else if (c == '"') {
          in = In::kString;
        } else if (c == '\'' &&
                   (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1])))) {
          in = In::kChar;  // after a letter or digit it separates digits: 1'000
        }
        break;
      case In::kLineComment:
        out[i] = ' ';
        break;
      case In::kBlockComment:
        out[i] = ' ';
        if (c == '*' && next == '/') {
          out[++i] = ' ';
          in = In::kCode;
        }
        break;
      case In::kRaw:
        if (ends_raw_literal(text, i, closing)) {
          i += closing.size() - 1;
          in = In::kCode;
        } else {
          out[i] = ' ';
        }
        break;
      case In::kString:
      case In::kChar:
        if (c == (in == In::kString ? '"' : '\'')) {
          in = In::kCode;
        } else {
          out[i] = ' ';
          if (c == '\\' && next != '\n' && next != '\0') out[++i] = ' ';
        }
        break;
    }
  }
  return out;
}

void Tree::add(const std::string& path, const std::string& text) {
  SourceFile file;
  file.path = path;
  if (text.size() <= kLargestTextFile && text.find('\0') == std::string::npos) {
    file.text = text;
    file.lines = split_lines(text);
    if (file.is_cpp()) file.code = split_lines(blank_comments_and_literals(text));
  }
  files_[path] = std::move(file);
}

Tree Tree::load(const std::string& root) {
  namespace fs = std::filesystem;
  Tree tree;
  const auto ignored = ignored_folders(root);
  std::error_code failed;
  fs::recursive_directory_iterator it(root, failed), end;
  if (failed) throw Error(failed.message(), root, "give the project's folder with --root");
  for (; it != end; ++it) {
    const std::string path = fs::relative(it->path(), root).generic_string();
    const std::string name = it->path().filename().string();
    if (it->is_directory()) {
      bool skip = name.front() == '.' && name != ".ci";
      for (const auto& pattern : ignored) {
        skip = skip || fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
      }
      if (skip || name == "__pycache__") it.disable_recursion_pending();
    } else if (it->is_regular_file() && name != ".git") {
      tree.add(path, read(it->path()));
    }
  }
  return tree;
}

const SourceFile* Tree::find(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second;
}

bool Tree::has_folder(const std::string& path) const {
  const auto found = files_.lower_bound(path + "/");
  return found != files_.end() && found->first.rfind(path + "/", 0) == 0;
}

}  // namespace aisp::tidy
