// Real processes: how they start, end, and are ended.
#include "bench/command/spawn.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"

namespace aisp::bench::command {
namespace {

Startable ready(const std::string& line, const Command& command = {}) {
  return make_startable(line, command, "x");
}

std::string refusal(const std::string& line, const Command& command = {}) {
  try {
    ready(line, command);
  } catch (const Error& problem) {
    return problem.what();
  }
  return "";
}

std::string printed(const std::string& line, const Command& command = {}) {
  std::string text;
  run_process(ready(line, command), 10.0, [&](std::string_view bytes) { text.append(bytes); });
  return text;
}

TEST(Spawn, AShellOnlyWhereOneIsNeeded) {
  EXPECT_FALSE(ready("printf %s 'a b' \"c\"").shell);
  EXPECT_EQ(ready("printf  %s 'a b' \"c\"d").argv.size(), 4u);
  EXPECT_EQ(ready("printf '' x").argv.at(1), "");
  for (const char* line :
       {"a | b", "echo $HOME", "echo *", "A=1 env", "exit 3", "echo \"$HOME\"", "echo `ls`",
        "true; true", "echo a\\ b", "cd /tmp", "echo ~", "echo 'a"}) {
    EXPECT_TRUE(ready(line).shell) << line;
  }
  Command never;
  never.shell = ShellUse::kNever;
  EXPECT_NE(refusal("echo $HOME", never).find("needs a shell"), std::string::npos);
  Command always;
  always.shell = ShellUse::kAlways;
  EXPECT_TRUE(ready("true", always).shell);
  EXPECT_EQ(printed("printf '%s|' 'a b' \"c\"d"), "a b|cd|");
}

TEST(Spawn, WhatCannotRunIsSaidBeforehand) {
  EXPECT_NE(refusal("").find("empty"), std::string::npos);
  EXPECT_NE(refusal("sleeep 1").find("did you mean sleep?"), std::string::npos);
  EXPECT_NE(refusal("/nonexistent/program").find("no such file"), std::string::npos);
  EXPECT_NE(refusal("/etc/passwd").find("not an executable file"), std::string::npos);
  Command nowhere;
  nowhere.cwd = "/nonexistent";
  EXPECT_NE(refusal("true", nowhere).find("no folder /nonexistent"), std::string::npos);
}

TEST(Spawn, StatusSignalAndTimes) {
  EXPECT_TRUE(run_process(ready("true"), 10.0).ok());
  const Ended failed = run_process(ready("sh -c 'echo oops >&2; exit 7'"), 10.0);
  EXPECT_EQ(failed.status, 7);
  EXPECT_EQ(failed.tail, "oops\n");
  EXPECT_EQ(describe(failed, 10.0), "exit status 7");
  const Ended killed = run_process(ready("sh -c 'kill -SEGV $$'"), 10.0);
  EXPECT_EQ(killed.how, Ended::How::kSignalled);
  EXPECT_EQ(killed.status, SIGSEGV);
  const Ended slept = run_process(ready("sleep 0.05"), 10.0);
  EXPECT_GE(slept.wall_ns, 50e6);
  EXPECT_LT(slept.cpu_ns(), 25e6);
  EXPECT_GE(slept.waits, 1.0);
  const Ended busy =
      run_process(ready("sh -c 'i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done'"), 60.0);
  EXPECT_GT(busy.cpu_ns(), 1e6);
  EXPECT_LE(busy.cpu_ns(), busy.wall_ns * 1.1);
}

TEST(Spawn, PeakMemoryOfALargeProcess) {
  // 64 MiB held by the shell's child: far more than this test has.
  const Ended large =
      run_process(ready("head -c 67108864 /dev/zero | tail -c 67108864 > /dev/null"), 60.0);
  ASSERT_TRUE(large.ok());
  EXPECT_GT(large.peak_memory_bytes, 60e6);
  EXPECT_GE(run_process(ready("true"), 10.0).peak_memory_bytes, 0.5 * own_peak_bytes());
}

TEST(Spawn, EnvironmentFolderAndClosedInput) {
  Command command;
  command.cwd = "/tmp";
  command.environment = {{"AISP_TEST_VALUE", "a b"}};
  EXPECT_EQ(printed("pwd", command), "/tmp\n");
  EXPECT_EQ(printed("printenv AISP_TEST_VALUE", command), "a b\n");
  EXPECT_EQ(printed("cat"), "");  // would wait for ever on a terminal
}

TEST(Spawn, AHundredMebibytesArePassedOnNotKept) {
  std::size_t bytes = 0;
  const Ended ended = run_process(ready("head -c 104857600 /dev/zero"), 60.0,
                                  [&](std::string_view part) { bytes += part.size(); });
  EXPECT_EQ(bytes, 104857600u);
  EXPECT_EQ(ended.stdout_bytes, bytes);
  EXPECT_LE(ended.tail.size(), 4096u);
}

bool alive(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/stat");
  std::string number, name, state;
  status >> number >> name >> state;
  return !state.empty() && state != "Z";
}

TEST(Spawn, TheWholeGroupEndsAtTheLimit) {
  std::string text;
  const Ended ended = run_process(ready("sh -c 'sleep 30 & echo $!; sleep 30'"), 0.3,
                                  [&](std::string_view part) { text.append(part); });
  EXPECT_EQ(ended.how, Ended::How::kTimedOut);
  EXPECT_EQ(describe(ended, 0.3), "no end within 0.3 s");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  ASSERT_FALSE(text.empty());
  EXPECT_FALSE(alive(std::stoi(text)));
}

TEST(Spawn, WhatACommandLeavesBehindIsEnded) {
  std::string text;
  const auto begin = std::chrono::steady_clock::now();
  const Ended ended = run_process(ready("sh -c 'sleep 30 & echo $!'"), 20.0,
                                  [&](std::string_view part) { text.append(part); });
  EXPECT_TRUE(ended.ok());
  // It holds our pipe open; its end is not waited for.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(alive(std::stoi(text)));
}

TEST(Spawn, StartingCostsSomething) {
  EXPECT_GT(start_cost_ns(false), 50e3);
  EXPECT_GT(start_cost_ns(true), 50e3);
}

TEST(Spawn, AProgramThatVanishedIsAnError) {
  const std::string path = "/tmp/aisp-vanishing-" + std::to_string(getpid());
  std::filesystem::copy_file("/bin/true", path);
  const Startable start = ready(path);
  unlink(path.c_str());
  EXPECT_THROW(run_process(start, 1.0), Error);
}

}  // namespace
}  // namespace aisp::bench::command
