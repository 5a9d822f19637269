// Fork, work, wait. See child.h.
#include "machine/child.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <string>

#include "base/error.h"

namespace aisp::machine {
namespace {

// Exit status of a child.
enum Outcome { kDone, kOrphan, kNotAdmitted, kThrew };

[[noreturn]] void be_the_child(pid_t parent, const ControlGroup* group,
                               const std::function<void()>& job) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kOrphan);  // the parent went before we asked
  if (group != nullptr && !group->enter()) _exit(kNotAdmitted);
  try {
    job();
  } catch (const std::exception&) {
    _exit(kThrew);
  }
  _exit(kDone);
}

}  // namespace

void run_in_child(const ControlGroup* group, const std::function<void()>& job) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    throw Error(std::string("cannot start a child: ") + std::strerror(errno), "fork",
                "raise the limit (ulimit -u, cgroup pids.max)");
  }
  if (child == 0) be_the_child(parent, group, job);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error(std::strerror(errno), "waitpid", "");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kDone) return;
  if (WIFSIGNALED(status)) {
    throw Error("the child was killed by signal " + std::to_string(WTERMSIG(status)), "child",
                "see the kernel's log for out-of-memory kills");
  }
  if (WEXITSTATUS(status) == kNotAdmitted) {
    throw Error("the child may not enter its control group", group->folders().front(),
                "run as root where /sys/fs/cgroup is writable");
  }
  throw Error("the child could not do its work", "child",
              "try it with fewer threads or less memory");
}

SharedMemory::SharedMemory(std::size_t size_bytes) : size_bytes_(size_bytes) {
  data_ = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (data_ == MAP_FAILED) {
    throw Error(std::string("cannot share memory with a child: ") + std::strerror(errno), "mmap",
                "free some memory");
  }
}

SharedMemory::~SharedMemory() { munmap(data_, size_bytes_); }

}  // namespace aisp::machine
