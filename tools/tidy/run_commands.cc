// Runs the commands that the documents show, with the real binary. `timeout` ends what hangs and
// everything it started.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "base/error.h"
#include "tools/tidy/documents.h"

namespace aisp::tidy {
namespace {

constexpr const char* kSecondsEach = "120";  // what a reader waits before trying the next thing

/// build/aisp becomes the binary; build/ before anything else, its folder.
std::string located(const std::string& command, const std::filesystem::path& binary) {
  static const std::regex program("(^|[ =])build/aisp(?![A-Za-z0-9_./-])");
  static const std::regex folder("(^|[ =])build/");
  const std::string whole = std::regex_replace(command, program, "$1" + binary.string());
  return std::regex_replace(whole, folder, "$1" + binary.parent_path().string() + "/");
}

/// Exit status of `command` in `folder`; 124 when it was ended, 128 + signal when killed. Its
/// output goes to `log`.
int run_in(const std::string& folder, const std::string& command, const std::string& log) {
  const pid_t child = fork();
  if (child < 0) throw Error("cannot start a process", command, "end other programs and try again");
  if (child == 0) {
    const bool ready = chdir(folder.c_str()) == 0 && freopen("/dev/null", "r", stdin) != nullptr &&
                       freopen(log.c_str(), "w", stdout) != nullptr && dup2(1, 2) == 2;
    if (ready) {
      execlp("timeout", "timeout", "-k", "5", kSecondsEach, "sh", "-c", command.c_str(), nullptr);
    }
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string last_lines(const std::string& path, std::size_t count) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const auto lines = split_lines(text.str());
  std::string tail;
  for (std::size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i) {
    tail += "\n    " + lines[i];
  }
  return tail;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "aisp_docs_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw Error("cannot make a temporary folder", name, "set TMPDIR to a folder with room");
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

Findings run_shown_commands(const std::vector<ShownCommand>& commands, const std::string& binary) {
  Findings findings;
  std::map<std::string, TemporaryFolder> folders;
  const std::filesystem::path program = std::filesystem::absolute(binary);
  for (const auto& command : commands) {
    const std::string at = command.document + ":" + std::to_string(command.line);
    if (!command.not_run.empty()) {
      std::printf("not run   %s: %s (%s)\n", at.c_str(), command.text.c_str(),
                  command.not_run.c_str());
      continue;
    }
    const std::string folder = folders[command.document].path();
    const std::string log = folder + "/.last_output";
    const int status = run_in(folder, located(command.text, program), log);
    std::printf("%s %s: %s\n", status == command.exit_status ? "ok       " : "FAILED   ",
                at.c_str(), command.text.c_str());
    std::fflush(stdout);
    if (status == command.exit_status) continue;
    findings.push_back({command.document, command.line, "shown_commands",
                        "ended with " + std::to_string(status) +
                            (status == 124 ? " (ran past 120 s)" : "") + ", not " +
                            std::to_string(command.exit_status) + last_lines(log, 12),
                        "a command that works, '# exit N', or ```sh norun <reason>"});
  }
  return findings;
}

}  // namespace aisp::tidy
