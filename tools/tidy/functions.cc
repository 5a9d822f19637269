// Finds functions by their braces: a '{' outside any function, after text with a parameter list,
// opens one. Good enough for budgets; templates, constructors with initialisers and lambdas at
// namespace scope are recognised, macros that hide braces are not.
#include <algorithm>
#include <cctype>

#include "tools/tidy/rules.h"

namespace aisp::tidy {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_bare_macro(std::string_view line) {
  return !line.empty() && std::all_of(line.begin(), line.end(), [](char c) {
    return std::isupper(static_cast<unsigned char>(c)) != 0 || c == '_' || std::isdigit(c) != 0;
  });
}

/// Preprocessor lines, continued ones included, and macros alone on a line become empty.
std::vector<std::string> without_directives(std::vector<std::string> code) {
  bool continued = false;
  for (auto& line : code) {
    const std::string_view text = trim(line);
    const bool directive = continued || (!text.empty() && text.front() == '#');
    continued = directive && !text.empty() && text.back() == '\\';
    if (directive || is_bare_macro(text)) line.clear();
  }
  return code;
}

std::string first_word(std::string_view text) {
  text = trim(text);
  if (text.rfind("template", 0) == 0) {  // skip template <...>
    int depth = 0;
    for (std::size_t i = 8; i < text.size(); ++i) {
      if (text[i] == '<') ++depth;
      if (text[i] == '>' && --depth == 0) return first_word(text.substr(i + 1));
    }
  }
  std::size_t end = 0;
  while (end < text.size() && is_word(text[end])) ++end;
  return std::string(text.substr(0, end));
}

/// "run" of "void Plan::run(int x) const": the word before the first parenthesis that is not an
/// attribute's.
std::string name_before_parameters(const std::string& header) {
  int depth = 0;
  for (std::size_t open = 0; open < header.size(); ++open) {
    if (header[open] == ')') --depth;
    if (header[open] != '(' || depth++ > 0) continue;
    auto end = open;
    while (end > 0 && header[end - 1] == ' ') --end;
    auto begin = end;
    while (begin > 0 && is_word(header[begin - 1])) --begin;
    const std::string name = header.substr(begin, end - begin);
    if (name != "__attribute__" && name != "alignas" && name != "decltype") return name;
  }
  return "a function";
}

enum class Brace { kScope, kFunction, kOther };

Brace kind_of(const std::string& header) {
  const std::string word = first_word(header);
  const std::string_view text = trim(header);
  const bool has_parameters = text.find('(') != std::string::npos;
  const bool type = word == "class" || word == "struct" || word == "union" || word == "enum";
  if (type) return text.back() == ')' ? Brace::kFunction : Brace::kScope;
  if (!has_parameters && (word == "namespace" || word == "inline" || word == "extern")) {
    return Brace::kScope;
  }
  const bool table = !text.empty() && text.back() == '=';
  return has_parameters && !table ? Brace::kFunction : Brace::kOther;
}

class Scanner {
 public:
  void read(char c, int line) {
    if (depth_ > 0) {
      inside(c, line);
    } else if (c == '{') {
      open(line);
    } else if (c == ';' || c == '}') {
      header_.clear();
    } else if (!std::isspace(static_cast<unsigned char>(c)) || !header_.empty()) {
      if (header_.empty()) first_line_ = line;
      // After a closed brace only ',' or '{' goes on with the same function: a(1), b{2} { ... }.
      if (closed_ && c != ',' && c != '{' && !std::isspace(static_cast<unsigned char>(c))) {
        finish();
        header_.clear();
        first_line_ = line;
      } else if (closed_ && c == ',') {
        closed_ = false;
        found_.lines = 0;
      }
      header_ += c;
    }
  }

  std::vector<Function> functions() {
    finish();
    return functions_;
  }

 private:
  void open(int line) {
    const Brace kind = closed_ ? Brace::kFunction : kind_of(header_);
    if (kind == Brace::kScope) {
      header_.clear();
      return;
    }
    depth_ = 1;
    in_function_ = kind == Brace::kFunction;
    if (in_function_ && !closed_) {
      found_ = {name_before_parameters(header_), first_line_, 0};
    }
    closed_ = false;
  }

  void inside(char c, int line) {
    if (c == '{') ++depth_;
    if (c != '}' || --depth_ > 0) return;
    if (in_function_) {
      found_.lines = line - found_.line + 1;
      closed_ = true;
    }
  }

  void finish() {
    if (closed_ && found_.lines > 0) functions_.push_back(found_);
    closed_ = false;
  }

  std::string header_;
  int first_line_ = 0;
  int depth_ = 0;
  bool in_function_ = false;
  bool closed_ = false;
  Function found_;
  std::vector<Function> functions_;
};

}  // namespace

std::vector<Function> functions_of(const SourceFile& file) {
  Scanner scanner;
  const auto code = without_directives(file.code);
  for (std::size_t i = 0; i < code.size(); ++i) {
    for (const char c : code[i]) scanner.read(c, static_cast<int>(i + 1));
    scanner.read(' ', static_cast<int>(i + 1));
  }
  return scanner.functions();
}

}  // namespace aisp::tidy
