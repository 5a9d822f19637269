// Control groups of both versions, limits of ancestors, groups that a namespace hides.
#include "doctor/cgroups.h"

#include <gtest/gtest.h>

#include "doctor/fake_evidence.h"

namespace aisp::doctor {
namespace {

const char* const kSecond = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";

FakeEvidence second(const std::string& group) {
  FakeEvidence evidence;
  evidence.files["/proc/self/mountinfo"] = kSecond;
  evidence.files["/proc/self/cgroup"] = "0::" + group;
  return evidence;
}

TEST(Cgroups, TheTightestOfAllAncestorsCounts) {
  FakeEvidence evidence = second("/a/b/c");
  evidence.files["/sys/fs/cgroup/a/b/c/cpu.max"] = "800000 100000";
  evidence.files["/sys/fs/cgroup/a/b/cpu.max"] = "max 100000";
  evidence.files["/sys/fs/cgroup/a/cpu.max"] = "50000 20000";
  evidence.files["/sys/fs/cgroup/a/b/c/memory.max"] = "max";
  evidence.files["/sys/fs/cgroup/a/b/memory.max"] = "1073741824";
  const auto quota = cpu_quota(evidence);
  ASSERT_TRUE(quota);
  EXPECT_DOUBLE_EQ(quota->cpus, 2.5);
  EXPECT_EQ(quota->file, "/sys/fs/cgroup/a/cpu.max");
  const auto memory = memory_limit(evidence);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->bytes, 1073741824U);
  EXPECT_EQ(memory->folder, "/sys/fs/cgroup/a/b");
}

TEST(Cgroups, TheSubjectsGroupIsLookedAtNotOurs) {
  FakeEvidence evidence = second("/ours");
  evidence.looked_at.pid = 42;
  evidence.files["/proc/42/cgroup"] = "0::/theirs";
  evidence.files["/sys/fs/cgroup/ours/cpu.max"] = "100000 100000";
  EXPECT_FALSE(cpu_quota(evidence));
  evidence.files["/sys/fs/cgroup/theirs/cpu.max"] = "300000 100000";
  EXPECT_DOUBLE_EQ(cpu_quota(evidence).value_or(CpuQuota{}).cpus, 3.0);
  EXPECT_EQ(evidence.counter_paths("{cgroup}/cpu.stat").at(0), "/sys/fs/cgroup/theirs/cpu.stat");
  EXPECT_EQ(evidence.counter_paths("{process}/schedstat").at(0), "/proc/42/schedstat");
}

TEST(Cgroups, VersionOneHasAFolderForEachController) {
  FakeEvidence evidence;
  evidence.files["/proc/self/mountinfo"] =
      "31 23 0:27 /docker/x /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "32 23 0:28 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "33 23 0:29 /docker/x /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset";
  evidence.files["/proc/self/cgroup"] =
      "7:memory:/docker/x\n5:cpuset:/docker/x\n4:cpu,cpuacct:/docker/x/inner\n0::/";
  evidence.files["/sys/fs/cgroup/cpu,cpuacct/inner/cpu.cfs_quota_us"] = "-1";
  evidence.files["/sys/fs/cgroup/cpu,cpuacct/inner/cpu.cfs_period_us"] = "100000";
  evidence.files["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"] = "150000";
  evidence.files["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us"] = "100000";
  evidence.files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = "9223372036854771712";
  evidence.files["/sys/fs/cgroup/cpuset/cpuset.cpus"] = "0-1,8";
  EXPECT_DOUBLE_EQ(cpu_quota(evidence).value_or(CpuQuota{}).cpus, 1.5);
  EXPECT_FALSE(memory_limit(evidence)) << "2^63 less a page is no limit";
  EXPECT_EQ(cgroup_cpus(evidence), (std::set<int>{0, 1, 8}));
}

TEST(Cgroups, AGroupOutsideOfTheNamespaceLeavesTheMountAlone) {
  const FakeEvidence evidence = second("/../../elsewhere");
  EXPECT_EQ(cgroup_folders(evidence, ""), (std::vector<std::string>{"/sys/fs/cgroup"}));
}

TEST(Cgroups, GarbageIsNoLimit) {
  for (const char* const text :
       {"", "max", "-1 100000", "100000 0", "x y", "0 100000", "1e400 1"}) {
    FakeEvidence evidence = second("/a");
    evidence.files["/sys/fs/cgroup/a/cpu.max"] = text;
    evidence.files["/sys/fs/cgroup/a/memory.max"] = text;
    EXPECT_FALSE(cpu_quota(evidence)) << text;
    EXPECT_FALSE(memory_limit(evidence)) << text;
  }
  for (const char* const text : {"", ":", "::", "0:", "no colon", "0::relative"}) {
    FakeEvidence evidence;
    evidence.files["/proc/self/mountinfo"] = kSecond;
    evidence.files["/proc/self/cgroup"] = text;
    EXPECT_LE(cgroup_folders(evidence).size(), 2U) << text;
  }
}

}  // namespace
}  // namespace aisp::doctor
