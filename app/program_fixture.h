// For tests of the whole path: the real binary, run in a folder that goes away.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace aisp {

namespace fs = std::filesystem;

struct Ended {
  int code = -1;
  std::string text;
};

// Starts the program with output into `log`; limits are set in the child.
inline pid_t start(const std::vector<std::string>& arguments, const std::string& log,
                   rlim_t file_limit = RLIM_INFINITY) {
  const pid_t child = fork();
  if (child != 0) return child;
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  dup2(file, 1);
  dup2(file, 2);
  if (file_limit != RLIM_INFINITY) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{file_limit, file_limit};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  std::vector<char*> argv = {const_cast<char*>(AISP_BINARY)};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(AISP_BINARY, argv.data());
  _exit(127);
}

inline std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Program : public testing::Test {
 protected:
  Program() {
    char name[] = "/tmp/aisp-test-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~Program() override { fs::remove_all(folder_); }

  Ended run(const std::vector<std::string>& arguments, rlim_t file_limit = RLIM_INFINITY) {
    const std::string log = folder_ + "/log";
    const pid_t child = start(arguments, log, file_limit);
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text_of(log)};
  }

  // A quick honest run of small cases.
  std::vector<std::string> small_run(const std::string& out) {
    return {"bench",  "run",   "--device",  "cpu",  "--targets", "ch06:ilp,ch09:fused_l2norm",
            "--size", "smoke", "--profile", "none", "--budget",  "4",
            "--out",  out};
  }

  std::string folder_;
};

}  // namespace aisp
