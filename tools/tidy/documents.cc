// Documents that cannot rot: links lead somewhere, excerpts are verbatim, shell blocks are either
// run or say why not, and every package that is installed is argued.
#include "tools/tidy/documents.h"

#include <regex>

namespace aisp::tidy {
namespace {

bool is_document(const SourceFile& file) { return file.extension() == ".md"; }

/// Documents whose commands are run: all but the labs' (their figures come from recorded runs).
bool shows_commands(const SourceFile& file) { return is_document(file) && file.room() != "labs"; }

/// a/b/../c -> a/c
std::string normalized(const std::string& path) {
  std::vector<std::string> parts;
  for (const auto& part : split(path, '/')) {
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string joined;
  for (const auto& part : parts) joined += (joined.empty() ? "" : "/") + part;
  return joined;
}

void check_link(const Tree& tree, const SourceFile& file, int line, std::string target,
                Findings& findings) {
  if (target.empty() || target.front() == '#' || target.find(':') != std::string::npos) return;
  target = target.substr(0, target.find('#'));
  const std::string path = normalized(file.folder() + "/" + target);
  if (path.empty() || tree.find(path) != nullptr || tree.has_folder(path)) return;
  findings.push_back({file.path, line, "links", "'" + target + "' leads nowhere",
                      "a path relative to " + file.path});
}

std::string field(const std::string& info, const std::string& name) {
  for (const auto& word : split(info, ' ')) {
    if (word.rfind(name + "=", 0) == 0) return word.substr(name.size() + 1);
  }
  return "";
}

bool has_make_target(const Tree& tree, const std::string& target) {
  const SourceFile* makefile = tree.find("Makefile");
  if (makefile == nullptr) return false;
  for (const auto& line : makefile->lines) {
    if (line.rfind(target + ":", 0) == 0) return true;
  }
  return false;
}

std::string without_prompt(const std::string& line) {
  const std::string text(trim(line));
  return text.rfind("$ ", 0) == 0 ? std::string(trim(text.substr(2))) : text;
}

}  // namespace

std::vector<Fence> fences_of(const SourceFile& document) {
  std::vector<Fence> fences;
  bool inside = false;
  for (std::size_t i = 0; i < document.lines.size(); ++i) {
    const std::string& line = document.lines[i];
    if (trim(line).rfind("```", 0) == 0) {
      if (!inside)
        fences.push_back({static_cast<int>(i + 1), std::string(trim(trim(line).substr(3))), {}});
      inside = !inside;
    } else if (inside) {
      fences.back().lines.push_back(line);
    }
  }
  return fences;
}

Findings check_links(const Tree& tree) {
  Findings findings;
  static const std::regex link("\\]\\(([^)\\s]+)\\)");
  static const std::regex inline_code("`[^`]*`");
  for (const auto& [path, file] : tree.files()) {
    if (!is_document(file)) continue;
    bool inside = false;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      if (trim(file.lines[i]).rfind("```", 0) == 0) inside = !inside;
      if (inside) continue;
      const std::string line = std::regex_replace(file.lines[i], inline_code, "");
      for (std::sregex_iterator it(line.begin(), line.end(), link), end; it != end; ++it) {
        check_link(tree, file, static_cast<int>(i + 1), (*it)[1], findings);
      }
    }
  }
  return findings;
}

Findings check_excerpts(const Tree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    if (!is_document(file)) continue;
    for (const auto& fence : fences_of(file)) {
      const std::string source = field(fence.info, "file");
      if (source.empty()) continue;
      const SourceFile* origin = tree.find(source);
      std::string excerpt;
      for (const auto& line : fence.lines) excerpt += line + "\n";
      if (origin == nullptr) {
        findings.push_back({path, fence.line, "excerpts", source + " does not exist",
                            "the path from the project's root"});
      } else if (excerpt.empty() || origin->text.find(excerpt) == std::string::npos) {
        findings.push_back({path, fence.line, "excerpts", "this is not what " + source + " says",
                            "the lines of the file, copied as they are"});
      }
    }
  }
  return findings;
}

Findings check_shell_blocks(const Tree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    if (!shows_commands(file)) continue;
    for (const auto& fence : fences_of(file)) {
      if (fence.info == "sh norun") {
        findings.push_back({path, fence.line, "shell_blocks", "not run, and no reason given",
                            "```sh norun takes five minutes"});
      }
      if (fence.info.rfind("sh", 0) != 0 && fence.info != "bash" && fence.info != "console")
        continue;
      if (fence.info.rfind("sh", 0) != 0) {
        findings.push_back(
            {path, fence.line, "shell_blocks", "'" + fence.info + "' blocks are not run", "```sh"});
        continue;
      }
      for (std::size_t i = 0; i < fence.lines.size(); ++i) {
        const auto words = split(without_prompt(fence.lines[i]), ' ');
        if (words[0] != "make" || words.size() < 2 || has_make_target(tree, words[1])) continue;
        findings.push_back({path, fence.line + 1 + static_cast<int>(i), "shell_blocks",
                            "the Makefile has no target '" + words[1] + "'", "make help"});
      }
    }
  }
  return findings;
}

Findings check_dependencies(const Tree& tree) {
  Findings findings;
  const SourceFile* argued = tree.find("docs/decisions/dependencies.md");
  for (const std::string list : {"tools/setup/packages.txt", "tools/setup/peers.txt"}) {
    const SourceFile* file = tree.find(list);
    if (file == nullptr) continue;
    for (std::size_t i = 0; i < file->lines.size(); ++i) {
      std::string package = split(file->lines[i], '|')[0];
      if (package.empty() || package.front() == '#') continue;
      package = package.substr(0, package.find('['));  // a pattern's fixed part
      if (argued != nullptr && argued->text.find(package) != std::string::npos) continue;
      findings.push_back({list, static_cast<int>(i + 1), "dependencies",
                          package + " is installed and nowhere argued",
                          "one line in docs/decisions/dependencies.md"});
    }
  }
  return findings;
}

std::vector<ShownCommand> shown_commands(const Tree& tree) {
  std::vector<ShownCommand> commands;
  static const std::regex exit_note("#\\s*exit\\s+([0-9]+)\\s*$");
  for (const auto& [path, file] : tree.files()) {
    if (!shows_commands(file)) continue;
    for (const auto& fence : fences_of(file)) {
      if (fence.info != "sh" && fence.info.rfind("sh ", 0) != 0) continue;
      const bool skipped = fence.info.rfind("sh norun", 0) == 0;
      for (std::size_t i = 0; i < fence.lines.size(); ++i) {
        const int line = fence.line + 1 + static_cast<int>(i);
        std::string text = without_prompt(fence.lines[i]);
        while (!text.empty() && text.back() == '\\' && i + 1 < fence.lines.size()) {
          text.pop_back();
          text += trim(fence.lines[++i]);
        }
        if (text.rfind("build/aisp", 0) != 0) continue;
        ShownCommand command{path, line, text};
        std::smatch match;
        if (std::regex_search(text, match, exit_note)) command.exit_status = std::stoi(match[1]);
        if (skipped) command.not_run = trim(std::string_view(fence.info).substr(8));
        commands.push_back(command);
      }
    }
  }
  return commands;
}

}  // namespace aisp::tidy
