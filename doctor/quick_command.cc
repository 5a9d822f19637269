// posix_spawn, a pipe and a deadline. See quick_command.h.
#include "doctor/quick_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "bench/descriptor.h"
#include "machine/text_file.h"

extern char** environ;

namespace aisp::doctor {
namespace {

using Clock = std::chrono::steady_clock;

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* const path = std::getenv("PATH");
  const std::string folders = std::string(path != nullptr ? path : "") + ":/usr/sbin:/sbin";
  for (const auto folder : machine::split(folders, ':')) {
    if (folder.empty()) continue;
    const std::string file = fmt::format("{}/{}", folder, name);
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return "";
}

pid_t start(const std::string& program, const std::vector<std::string>& argv, int out) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t child = -1;
  const int error =
      posix_spawn(&child, program.c_str(), &actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? child : -1;
}

}  // namespace

QuickCommand run_quick_command(const std::vector<std::string>& argv, double seconds) {
  QuickCommand result;
  const std::string program = find_program(argv.at(0));
  if (program.empty()) {
    result.why = argv[0] + " is not installed";
    return result;
  }
  bench::Descriptor read_end, write_end;
  bench::make_pipe(read_end, write_end);
  const pid_t child = start(program, argv, write_end.fd);
  write_end.reset();
  result.seen = Text::Seen::kUnreadable;
  if (child < 0) {
    result.why = argv[0] + " cannot be started";
    return result;
  }
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  bool ended = false;
  while (result.output.size() <= Evidence::kMostBytes) {
    const double left = std::chrono::duration<double>(deadline - Clock::now()).count();
    if (left <= 0) break;
    pollfd waiting = {read_end.fd, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(left * 1000) + 1) <= 0) continue;
    char buffer[16384];
    const ssize_t got = ::read(read_end.fd, buffer, sizeof buffer);
    ended = got <= 0;
    if (ended) break;
    result.output.append(buffer, static_cast<std::size_t>(got));
  }
  if (!ended) kill(-child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  if (!ended) {
    result.why = fmt::format("{} did not end within {:.1f} s or said too much", argv[0], seconds);
    result.output.clear();
    return result;
  }
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.seen = Text::Seen::kYes;
  return result;
}

}  // namespace aisp::doctor
