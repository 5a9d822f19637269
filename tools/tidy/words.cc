// Words that may not stand in code or documents: hopes in names, words of unfinished work, paths of
// one person's machine; and the two lines that every source file begins with.
#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

#include "tools/tidy/rules.h"

namespace aisp::tidy {
namespace {

// "new" and "final" are also words of the language; see is_language_word().
const std::set<std::string> kBanned = {"fast", "optimized", "optimised", "improved",
                                       "new",  "v2",        "final"};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// kernel_new, kernelNew and NewKernel all have the part "new".
std::vector<std::string> parts_of(const std::string& word) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool upper = std::isupper(static_cast<unsigned char>(word[i])) != 0;
    const bool after_lower = i > 0 && std::islower(static_cast<unsigned char>(word[i - 1])) != 0;
    if (!is_word(word[i]) || word[i] == '_' || (upper && after_lower)) parts.emplace_back();
    if (is_word(word[i]) && word[i] != '_') {
      parts.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(word[i])));
    }
  }
  return parts;
}

std::string banned_part(const std::string& word) {
  for (const auto& part : parts_of(word)) {
    if (kBanned.count(part)) return part;
  }
  return "";
}

/// NO_NEW_PRIVS and the like: macros of the system. Ours begin with AISP.
bool is_system_macro(const std::string& word) {
  return word.rfind("AISP", 0) != 0 && std::none_of(word.begin(), word.end(), [](char c) {
           return std::islower(static_cast<unsigned char>(c)) != 0;
         });
}

/// `new T`, `class X final`, `run() final`: the language's own words, not names.
bool is_language_word(const std::string& code, std::size_t begin, const std::string& word) {
  if (word == "new") return true;
  if (word != "final") return false;
  const std::string_view before = trim(std::string_view(code).substr(0, begin));
  const bool follows_signature =
      !before.empty() && (before.back() == ')' || before.rfind("override") != std::string::npos ||
                          before.rfind("const") != std::string::npos);
  return follows_signature || before.find("class ") != std::string::npos ||
         before.find("struct ") != std::string::npos;
}

void check_identifiers(const SourceFile& file, Findings& findings) {
  std::set<std::string> said;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    const std::string& code = file.code[i];
    if (trim(code).rfind("#include", 0) == 0) continue;
    for (std::size_t begin = 0; begin < code.size();) {
      if (!is_word(code[begin])) {
        ++begin;
        continue;
      }
      std::size_t end = begin;
      while (end < code.size() && is_word(code[end])) ++end;
      const std::string word = code.substr(begin, end - begin);
      const bool standard =
          (begin >= 5 && code.compare(begin - 5, 5, "std::") == 0) || is_system_macro(word);
      const std::string part = banned_part(word);
      if (!part.empty() && !standard && !is_language_word(code, begin, word) &&
          said.insert(word).second) {
        findings.push_back({file.path, static_cast<int>(i + 1), "banned_words",
                            "'" + word + "' says '" + part + "', a hope and not a fact",
                            "what it does: online, tiled, one_pass, streaming"});
      }
      begin = end;
    }
  }
}

// The words are put together here, so that this file passes its own rule.
const std::string kUnfinished[] = {std::string("TO") + "DO", std::string("FIX") + "ME",
                                   std::string("XX") + "X", std::string("HA") + "CK"};

bool stands_alone(const std::string& line, std::size_t at, std::size_t size) {
  const bool left = at == 0 || !is_word(line[at - 1]);
  return left && (at + size == line.size() || !is_word(line[at + size]));
}

/// In documents, words between backticks are quoted, not meant.
std::string without_inline_code(const std::string& line) {
  std::string out = line;
  bool inside = false;
  for (auto& c : out) {
    if (c == '`') inside = !inside;
    if (inside) c = ' ';
  }
  return out;
}

}  // namespace

Findings check_banned_words(const Tree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    if (!file.is_cpp() && !file.is_script()) continue;
    const std::string part = banned_part(path);
    if (!part.empty()) {
      findings.push_back({path, 0, "banned_words", "the path says '" + part + "', a hope",
                          "the name of what it does"});
    }
    check_identifiers(file, findings);
  }
  return findings;
}

Findings check_unfinished(const Tree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    if (path == "LICENSE") continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string line =
          file.extension() == ".md" ? without_inline_code(file.lines[i]) : file.lines[i];
      for (const auto& word : kUnfinished) {
        const auto at = line.find(word);
        if (at == std::string::npos || !stands_alone(line, at, word.size())) continue;
        findings.push_back({path, static_cast<int>(i + 1), "unfinished", "'" + word + "'",
                            "the finished thing, or the limit it has, as a plain sentence"});
      }
    }
  }
  return findings;
}

Findings check_local_paths(const Tree& tree) {
  Findings findings;
  // A path that begins with a folder that only one machine has; "(h)ome" so that this line passes.
  static const std::regex pattern(
      "(^|[^A-Za-z0-9_.~-])/((h)ome|(r)oot|(w)ork|(U)sers)/[A-Za-z0-9]");
  for (const auto& [path, file] : tree.files()) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (file.lines[i].size() > 2000 || !std::regex_search(file.lines[i], pattern)) continue;
      findings.push_back({path, static_cast<int>(i + 1), "local_paths",
                          "a path that only one machine has",
                          "a path from the project's root, or one that the user gives"});
    }
  }
  return findings;
}

Findings check_file_headers(const Tree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    if (!file.is_cpp()) continue;
    if (file.lines.empty() || file.lines[0].rfind("//", 0) != 0) {
      findings.push_back({path, 1, "file_header", "the file does not say what it is",
                          "// What this is, where it sits, why this way. Source: ..."});
    }
    const bool header = file.extension() == ".h" || file.extension() == ".cuh";
    const bool once = std::any_of(file.code.begin(), file.code.end(), [](const std::string& line) {
      return trim(line) == "#pragma once";
    });
    if (header && !once) {
      findings.push_back(
          {path, 1, "file_header", "a header that can be included twice",
           "#pragma once below the header comment; .inc if several inclusions are meant"});
    }
  }
  return findings;
}

}  // namespace aisp::tidy
