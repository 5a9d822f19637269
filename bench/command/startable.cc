// From a command line to something that can be started: words, shell or not, which program. See
// spawn.h.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/nearest.h"
#include "bench/command/spawn.h"

namespace aisp::bench::command {
namespace {

namespace fs = std::filesystem;

constexpr const char* kShell = "/bin/sh";

// Words that are programs nowhere (or mean something else there): the shell's own.
constexpr std::array kShellWords = {
    "!",  ":",      ".",   "{",      "break", "case",   "cd",    "eval",  "exec", "exit", "for",
    "if", "export", "set", "source", "trap",  "ulimit", "umask", "until", "wait", "while"};

/// The words of a line, or nothing when only a shell can say what they are.
std::optional<std::vector<std::string>> plain_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(word);
      word.clear();
      in_word = false;
    } else if (c == '\'' || c == '"') {
      const std::size_t end = line.find(c, i + 1);
      if (end == std::string::npos) return std::nullopt;
      const std::string quoted = line.substr(i + 1, end - i - 1);
      if (c == '"' && quoted.find_first_of("$`\\") != std::string::npos) return std::nullopt;
      word += quoted;
      in_word = true;
      i = end;
    } else if (std::strchr("|&;<>()$`\\*?[]#~{}", c) != nullptr) {
      return std::nullopt;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(word);
  if (words.empty() || words[0].find('=') != std::string::npos) return std::nullopt;
  const bool shells =
      std::find(kShellWords.begin(), kShellWords.end(), words[0]) != kShellWords.end();
  return shells ? std::nullopt : std::optional(words);
}

bool executable(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
}

std::vector<fs::path> search_folders(const std::string& path_variable) {
  std::vector<fs::path> folders;
  for (std::size_t begin = 0; begin <= path_variable.size();) {
    const std::size_t end = std::min(path_variable.find(':', begin), path_variable.size());
    folders.emplace_back(end == begin ? "." : path_variable.substr(begin, end - begin));
    begin = end + 1;
  }
  return folders;
}

std::string nearest_program(const std::string& wanted, const std::vector<fs::path>& folders) {
  std::vector<std::string> names;
  for (const fs::path& folder : folders) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      names.push_back(entry.path().filename().string());
    }
  }
  // Among thousands of names something is always near: one letter in four may differ.
  const std::string close = nearest(wanted, names);
  return edit_distance(wanted, close) * 4 <= std::max<std::size_t>(wanted.size(), 4) ? close : "";
}

std::string find_program(const std::string& name, const std::string& cwd,
                         const std::string& path_variable, const std::string& where) {
  if (name.find('/') != std::string::npos) {
    const fs::path path = name[0] == '/' || cwd.empty() ? fs::path(name) : fs::path(cwd) / name;
    // Absolute, because the child changes its folder before it begins.
    if (executable(path)) return fs::absolute(path).string();
    std::error_code ignored;
    throw Error(fmt::format("cannot run {}: {}", name,
                            fs::exists(path, ignored) ? "it is not an executable file"
                                                      : "there is no such file"),
                where, "check the path");
  }
  const auto folders = search_folders(path_variable);
  for (const fs::path& folder : folders) {
    if (executable(folder / name)) return fs::absolute(folder / name).string();
  }
  const std::string close = nearest_program(name, folders);
  throw Error("no program is called " + name, where,
              close.empty() ? "install it, or give its path" : "did you mean " + close + "?");
}

std::vector<std::string> whole_environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (changes.count(text.substr(0, text.find('='))) == 0) all.push_back(text);
  }
  for (const auto& [name, value] : changes) all.push_back(name + "=" + value);
  return all;
}

}  // namespace

Startable make_startable(const std::string& line, const Command& command,
                         const std::string& where) {
  if (line.find_first_not_of(" \t\n") == std::string::npos) {
    throw Error("the command is empty", where, "write the program and its arguments");
  }
  std::error_code ignored;
  if (!command.cwd.empty() && !fs::is_directory(command.cwd, ignored)) {
    throw Error("there is no folder " + command.cwd, where, "check cwd");
  }
  Startable result;
  result.cwd = command.cwd;
  result.environment = whole_environment(command.environment);
  auto words = command.shell == ShellUse::kAlways ? std::nullopt : plain_words(line);
  if (!words && command.shell == ShellUse::kNever) {
    throw Error("the command needs a shell: " + line, where,
                "allow one, or write plain words and quotes only");
  }
  if (!words) {
    result.shell = true;
    result.argv = {kShell, "-c", line};
    return result;
  }
  const auto own_path = command.environment.find("PATH");
  const char* path = std::getenv("PATH");
  const std::string path_variable = own_path != command.environment.end() ? own_path->second
                                    : path != nullptr                     ? path
                                                                          : "/usr/bin:/bin";
  result.argv = *words;
  result.argv[0] = find_program((*words)[0], command.cwd, path_variable, where);
  return result;
}

}  // namespace aisp::bench::command
