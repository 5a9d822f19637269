// The contained job beyond equality: the limit is felt, the caller stays outside of the group and
// as it was, nothing is left behind, and a child that cannot work is an Error.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "bench/process_state.h"
#include "bench/verify.h"
#include "labs/ch03_system/docker/problem.h"
#include "machine/cgroup.h"

namespace aisp::labs::ch03::docker {

bench::Lab describe();

namespace {

std::string why_not() { return threads_by_cores().needs(machine::cpu()); }

TEST(DockerLab, EveryTechniqueIsRight) {
  if (!why_not().empty()) GTEST_SKIP() << why_not();
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(DockerLab, SharesAreOfTheCoresAndThreadsRoundDown) {
  const bench::Params half{{"percent", 50}}, most{{"percent", 75}};
  EXPECT_EQ(share_of(half, 64), 32.0);
  EXPECT_EQ(share_of(most, 2), 1.5);
  EXPECT_EQ(whole_cores(1.5), 1);
  EXPECT_EQ(whole_cores(0.5), 1);
  EXPECT_EQ(whole_cores(32.0), 32);
}

// Groups of this process that are there now.
int groups_of_ours() {
  int count = 0;
  const std::string prefix = "aisp-" + std::to_string(getpid()) + "-";
  for (const char* controller : {"cpu", "memory", ""}) {
    for (const std::string& folder : machine::cgroup_folders(controller)) {
      std::error_code ignored;
      for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
        count += entry.path().filename().string().starts_with(prefix) ? 1 : 0;
      }
    }
  }
  return count;
}

TEST(DockerLab, TheCallerStaysOutsideAndNothingIsLeft) {
  if (!why_not().empty()) GTEST_SKIP() << why_not();
  const bench::Lab lab = describe();
  const bench::Params& size = lab.cases[0].smoke;
  bench::InputSet set(lab.problem(size), ::testing::TempDir());
  set.fill(lab, size, 3);
  const auto limits = machine::read_cgroup_limits();
  const bench::ProcessState before = bench::process_state();
  for (const auto& technique : lab.techniques) {
    {
      const auto plan = technique.plan(size);
      plan->run(set.io(), 2);
      EXPECT_EQ(groups_of_ours() > 0,
                technique.name != "unlimited" && technique.name != "whole_cores_pinned")
          << technique.name;
    }
    EXPECT_EQ(groups_of_ours(), 0) << technique.name;
    EXPECT_TRUE(bench::state_changes(before, bench::process_state()).empty()) << technique.name;
  }
  EXPECT_EQ(machine::read_cgroup_limits().cpus, limits.cpus);
}

// 30 ms of work at a tenth of a core, less than a busy machine would give, against no limit.
TEST(DockerLab, TheLimitIsFelt) {
  if (!why_not().empty()) GTEST_SKIP() << why_not();
  const bench::Lab lab = describe();
  const bench::Params size{{"tokens", 100}, {"rows", 300}, {"width", 1000}, {"percent", 100}};
  bench::InputSet set(lab.problem(size), ::testing::TempDir());
  set.fill(lab, size, 3);
  const auto cpu_seconds = [] {
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  Container container(size, {.threads = 1, .quota = 0.1, .period_us = 20000});
  const double cpu = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  container.run(set.io());
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  EXPECT_GT(wall.count(), 5.0 * (cpu_seconds() - cpu));
}

// Inputs that are not mapped: the child dies, and its parent lives to say so.
TEST(DockerLab, AChildThatDiesIsAnError) {
  if (!why_not().empty()) GTEST_SKIP() << why_not();
  const bench::Params size{{"tokens", 1}, {"rows", 1}, {"width", 4}, {"percent", 50}};
  std::vector<float> y(1);
  bench::Io::Buffer in[] = {{nullptr, 16, DType::kF32, nullptr},
                            {nullptr, 16, DType::kF32, nullptr}};
  bench::Io::Buffer out{y.data(), 4, DType::kF32, nullptr};
  for (const auto& technique : {threads_by_cores(), unlimited()}) {
    EXPECT_THROW(technique.plan(size)->run(bench::Io(in, {&out, 1}), 1), Error) << technique.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch03::docker
