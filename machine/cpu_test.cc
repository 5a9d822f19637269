// Detection must agree with what the kernel says, and with what processors that are not here say.
#include "machine/cpu.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "machine/cgroup.h"
#include "machine/cpuid.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

namespace fs = std::filesystem;

TEST(Cpu, IsPlausible) {
  const Cpu& c = cpu();
  EXPECT_GE(c.cores, 1);
  EXPECT_LE(c.cores, c.cores_online);
  EXPECT_LE(c.cores, c.hardware_threads);
  EXPECT_EQ(c.core_ids.size(), static_cast<std::size_t>(c.cores));
  EXPECT_EQ(std::set<int>(c.core_ids.begin(), c.core_ids.end()).size(), c.core_ids.size());
  EXPECT_GE(c.threads_per_core, 1);
  EXPECT_GE(c.packages, 1);
  EXPECT_GE(c.numa_nodes, 1);
  EXPECT_GE(c.memory_bytes, std::size_t{1} << 26);
  EXPECT_GE(c.page_bytes, 4096u);
  EXPECT_FALSE(c.vendor.empty());
  EXPECT_FALSE(c.model.empty());
  EXPECT_FALSE(c.architecture.empty());
  EXPECT_EQ(&c, &cpu());
}

TEST(Cpu, CachesGrowWithTheirLevel) {
  int level = 0;
  std::size_t size = 0;
  for (const Cache& cache : cpu().data_caches) {
    EXPECT_GT(cache.level, level);
    EXPECT_GT(cache.size_bytes, size);
    EXPECT_GE(cache.sharing_cores, 1);
    EXPECT_GE(cache.line_bytes, 16);
    level = cache.level;
    size = cache.size_bytes;
  }
}

#if defined(__x86_64__)
TEST(Cpu, FeaturesAgreeWithTheKernel) {
  const auto info = read_text("/proc/cpuinfo");
  if (!info) GTEST_SKIP() << "no /proc/cpuinfo";
  const std::string flags = " " + find_value(*info, "flags").value_or("") + " ";
  const auto has = [&](const char* name) {
    return flags.find(" " + std::string(name) + " ") != std::string::npos;
  };
  const Cpu& c = cpu();
  EXPECT_EQ(c.avx2, has("avx2") && has("fma") && has("f16c"));
  EXPECT_EQ(c.avx512,
            has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl") && c.avx2);
  EXPECT_EQ(c.avx_vnni, c.avx2 && has("avx_vnni"));
  EXPECT_EQ(c.avx512_vnni, c.avx512 && has("avx512_vnni"));
  EXPECT_EQ(c.avx512_bf16, c.avx512 && has("avx512_bf16"));
  EXPECT_EQ(c.avx512_fp16, c.avx512 && has("avx512_fp16"));
  EXPECT_EQ(c.vendor, find_value(*info, "vendor_id").value_or(""));
  EXPECT_EQ(c.model, find_value(*info, "model name").value_or(""));
  EXPECT_EQ(std::to_string(c.family), find_value(*info, "cpu family").value_or(""));
  EXPECT_EQ(std::to_string(c.model_number), find_value(*info, "model").value_or(""));
  EXPECT_EQ(std::to_string(c.stepping), find_value(*info, "stepping").value_or(""));
}
#endif

// A processor with everything; the tests below take parts away.
CpuidLeaves full_leaves() {
  CpuidLeaves leaves;
  leaves.vendor = "GenuineIntel";
  leaves.leaf1_eax = 0x000806f8;  // Sapphire Rapids: family 6, model 143, stepping 8
  leaves.leaf1_ecx = (1u << 12) | (1u << 27) | (1u << 28) | (1u << 29);
  leaves.leaf7_ebx = (1u << 5) | (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);
  leaves.leaf7_ecx = 1u << 11;
  leaves.leaf7_edx = (1u << 22) | (1u << 23) | (1u << 24) | (1u << 25);
  leaves.leaf7_1_eax = (1u << 4) | (1u << 5);
  leaves.xcr0 = 0x600e7;
  return leaves;
}

TEST(Cpuid, DecodesSignatures) {
  Cpu c;
  decode_cpuid(full_leaves(), c);
  EXPECT_EQ(c.family, 6);
  EXPECT_EQ(c.model_number, 143);
  EXPECT_EQ(c.stepping, 8);
  CpuidLeaves zen4;
  zen4.leaf1_eax = 0x00a10f11;  // family 25, model 17, stepping 1
  decode_cpuid(zen4, c);
  EXPECT_EQ(c.family, 25);
  EXPECT_EQ(c.model_number, 17);
  EXPECT_EQ(c.stepping, 1);
}

TEST(Cpuid, EveryFeatureOfAFullProcessor) {
  Cpu c;
  decode_cpuid(full_leaves(), c);
  const std::vector<std::string> all = {"avx2",        "avx_vnni",    "avx512",   "avx512_vnni",
                                        "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16"};
  EXPECT_EQ(c.features(), all);
}

TEST(Cpuid, AFeatureWhoseRegistersTheSystemDoesNotSaveIsAbsent) {
  Cpu c;
  CpuidLeaves leaves = full_leaves();
  leaves.xcr0 = 0x7;  // AVX only
  decode_cpuid(leaves, c);
  EXPECT_EQ(c.features(), (std::vector<std::string>{"avx2", "avx_vnni"}));
  leaves.xcr0 = 0;
  decode_cpuid(leaves, c);
  EXPECT_TRUE(c.features().empty());
}

TEST(Cpuid, APartOfAGroupIsNotTheGroup) {
  Cpu c;
  CpuidLeaves leaves = full_leaves();
  leaves.leaf7_ebx &= ~(1u << 31);  // no VL, as on Knights Landing
  decode_cpuid(leaves, c);
  EXPECT_TRUE(c.avx2);
  EXPECT_FALSE(c.avx512 || c.avx512_vnni || c.avx512_bf16);
  leaves = full_leaves();
  leaves.leaf1_ecx &= ~(1u << 12);  // no FMA
  decode_cpuid(leaves, c);
  EXPECT_FALSE(c.avx2 || c.avx512);
}

TEST(Cpu, CacheBytesCountsTheCachesThatTheCoresReach) {
  Cpu c;
  c.data_caches = {{1, 32 << 10, 8, 64, 1}, {3, 32 << 20, 16, 64, 4}};
  EXPECT_EQ(c.cache_bytes(1, 1), 32u << 10);
  EXPECT_EQ(c.cache_bytes(1, 4), 128u << 10);
  EXPECT_EQ(c.cache_bytes(3, 4), 32u << 20);
  EXPECT_EQ(c.cache_bytes(3, 5), 64u << 20);
  EXPECT_EQ(c.cache_bytes(2, 1), 0u);
}

class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ =
        fs::temp_directory_path() / ("aisp_cgroup_" + std::to_string(getpid()) + "_" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  CgroupLimits read() const { return read_cgroup_limits(root_.string()); }
  fs::path root_;
};

TEST_F(CgroupTest, NothingThereMeansNoLimit) {
  EXPECT_EQ(read().cpus, 0.0);
  EXPECT_EQ(read().memory_bytes, 0u);
}

TEST_F(CgroupTest, VersionTwoTakesTheTightestOnTheWayUp) {
  put("proc/self/mountinfo", "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  put("proc/self/cgroup", "0::/user.slice/job\n");
  put("sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n");
  put("sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
  put("sys/fs/cgroup/user.slice/job/memory.max", "1073741824\n");
  put("sys/fs/cgroup/user.slice/memory.max", "max\n");
  EXPECT_DOUBLE_EQ(read().cpus, 1.5);
  EXPECT_EQ(read().memory_bytes, std::size_t{1} << 30);
}

TEST_F(CgroupTest, VersionOneInAContainerThatSeesItsHostsPaths) {
  put("proc/self/mountinfo",
      "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "36 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  put("proc/self/cgroup", "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n");
  put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n");
  put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_DOUBLE_EQ(read().cpus, 2.0);
  EXPECT_EQ(read().memory_bytes, 0u);
}

TEST_F(CgroupTest, NonsenseIsNoLimit) {
  put("proc/self/mountinfo", "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\nbroken\n - \n");
  put("proc/self/cgroup", "0::/\n::\nx\n");
  put("sys/fs/cgroup/cpu.max", "many few\n");
  put("sys/fs/cgroup/memory.max", "-3\n");
  EXPECT_EQ(read().cpus, 0.0);
  EXPECT_EQ(read().memory_bytes, 0u);
}

TEST(TextFile, FindsValues) {
  EXPECT_EQ(find_value("A: 1\nName=\"x y\"\n", "Name"), "x y");
  EXPECT_EQ(find_value("A: 1\n", "B"), std::nullopt);
  EXPECT_EQ(find_value("A:\n", "A"), std::nullopt);
  EXPECT_EQ(parse_number(" 12.5\n"), 12.5);
  EXPECT_EQ(parse_number("12x"), std::nullopt);
  EXPECT_EQ(read_text("/proc/no/such/file"), std::nullopt);
  EXPECT_EQ(read_text("/proc"), std::nullopt);
}

}  // namespace
}  // namespace aisp::machine
