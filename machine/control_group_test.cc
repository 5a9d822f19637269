// Groups where this machine lets us make them: limits are set and felt, and nothing is left behind,
// neither by the destructor nor by a process that is killed.
#include "machine/control_group.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include "base/error.h"
#include "machine/cgroup.h"

namespace aisp::machine {
namespace {

constexpr ControlGroup::Limits kHalfACore{.cpus = 0.5, .period_us = 20000};

bool is_there(const std::string& folder) { return access(folder.c_str(), F_OK) == 0; }

bool gone_within_seconds(const std::string& folder, int seconds) {
  for (int i = 0; i < 100 * seconds && is_there(folder); ++i) usleep(10000);
  return !is_there(folder);
}

class ControlGroups : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string reason = ControlGroup::why_not(kHalfACore);
    if (!reason.empty()) GTEST_SKIP() << reason;
  }
};

TEST_F(ControlGroups, AreGoneWithTheirObject) {
  std::vector<std::string> folders;
  {
    const ControlGroup group(kHalfACore);
    folders = group.folders();
    ASSERT_FALSE(folders.empty());
    for (const auto& folder : folders) EXPECT_TRUE(is_there(folder)) << folder;
  }
  for (const auto& folder : folders) EXPECT_FALSE(is_there(folder)) << folder;
}

// The child sees the limit as its own, and is stopped by it: 20 ms of work at a twentieth of a
// core, less than a busy machine would give it anyway, take some 400 ms.
TEST_F(ControlGroups, LimitTheChildInside) {
  const ControlGroup group({.cpus = 0.05, .period_us = 20000});
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!group.enter()) _exit(2);
    const double cpus = read_cgroup_limits().cpus;
    timespec now{};
    do {
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    } while (now.tv_sec == 0 && now.tv_nsec < 20000000);
    _exit(cpus > 0.0 && cpus <= 0.05 ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));
  EXPECT_GT(group.throttled(), 0);
}

// A process that is killed with a child inside, which would go on for a minute.
TEST_F(ControlGroups, AreGoneWhenTheirProcessIsKilled) {
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const pid_t owner = fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    setpgid(0, 0);
    const ControlGroup group(kHalfACore);
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      group.enter();
      sleep(60);
      _exit(0);
    }
    usleep(20000);
    const std::string& folder = group.folders().front();
    if (write(told[1], folder.c_str(), folder.size() + 1) < 0) _exit(1);
    sleep(60);
    _exit(0);
  }
  char folder[4096] = {};
  ASSERT_GT(read(told[0], folder, sizeof folder - 1), 0);
  EXPECT_TRUE(is_there(folder));
  kill(-owner, SIGKILL);
  ASSERT_EQ(waitpid(owner, nullptr, 0), owner);
  EXPECT_TRUE(gone_within_seconds(folder, 5)) << folder;
  close(told[0]);
  close(told[1]);
}

TEST_F(ControlGroups, LeftByOthersAreSweptAway) {
  std::string parent;
  {
    const ControlGroup group(kHalfACore);
    parent = group.folders().front();
    parent.erase(parent.rfind('/'));
  }
  // No process has this number: the kernel's limit is 2^22.
  const std::string stale = parent + "/aisp-4194305-0";
  ASSERT_EQ(mkdir(stale.c_str(), 0755), 0);
  const ControlGroup group(kHalfACore);
  EXPECT_FALSE(is_there(stale));
}

TEST_F(ControlGroups, ARefusedLimitLeavesNothingBehind) {
  // Less than the kernel's smallest period of 1 ms.
  const ControlGroup::Limits nonsense{.cpus = 0.5, .period_us = 10};
  EXPECT_THROW(ControlGroup group(nonsense), Error);
  EXPECT_NE(ControlGroup::why_not(nonsense), "");
}

TEST_F(ControlGroups, MemoryIsLimitedToo) {
  const ControlGroup::Limits limits{.memory_bytes = 64 << 20};
  const std::string reason = ControlGroup::why_not(limits);
  if (!reason.empty()) GTEST_SKIP() << reason;
  const ControlGroup group(limits);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!group.enter()) _exit(2);
    const std::size_t bytes = read_cgroup_limits().memory_bytes;
    _exit(bytes > 0 && bytes <= (64u << 20) ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace aisp::machine
