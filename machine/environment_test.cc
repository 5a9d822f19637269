// The key must follow the hardware and nothing else; the environment must say what the files say.
#include "machine/environment.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>

namespace aisp::machine {
namespace {

namespace fs = std::filesystem;

Cpu example() {
  Cpu c;
  c.vendor = "AuthenticAMD";
  c.model = "AMD EPYC 9654 96-Core Processor";
  c.architecture = "x86_64";
  c.family = 25;
  c.model_number = 17;
  c.stepping = 1;
  c.cores = c.cores_online = 2;
  c.avx2 = c.avx512 = true;
  c.data_caches = {{1, 32 << 10, 8, 64, 1}, {2, 1 << 20, 8, 64, 1}, {3, 32u << 20, 16, 64, 2}};
  c.memory_bytes = std::size_t{24} << 30;
  return c;
}

bool file_safe(const std::string& key) {
  return !key.empty() && key.size() <= 80 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  });
}

TEST(HardwareKey, IsStable) {
  EXPECT_EQ(hardware_key(example()), hardware_key(example()));
  EXPECT_EQ(hardware_key(cpu()), hardware_key(cpu()));
  // Records in repositories carry it: a change of this text orphans them.
  EXPECT_EQ(hardware_key(example()), "amd-epyc-9654-25.17-2c-24g-297edfd6");
}

TEST(HardwareKey, ChangesWithEveryHardwareField) {
  const std::string key = hardware_key(example());
  const std::function<void(Cpu&)> changes[] = {
      [](Cpu& c) { c.vendor = "GenuineIntel"; },
      [](Cpu& c) { c.model = "AMD EPYC 9655 96-Core Processor"; },
      [](Cpu& c) { c.model = "AMD EPYC 9654 64-Core Processor"; },
      [](Cpu& c) { c.architecture = "aarch64"; },
      [](Cpu& c) { c.family = 26; },
      [](Cpu& c) { c.model_number = 18; },
      [](Cpu& c) { c.stepping = 2; },
      [](Cpu& c) { c.cores_online = 4; },
      [](Cpu& c) { c.threads_per_core = 2; },
      [](Cpu& c) { c.packages = 2; },
      [](Cpu& c) { c.numa_nodes = 2; },
      [](Cpu& c) { c.cpu_quota = 1.5; },
      [](Cpu& c) { c.avx2 = false; },
      [](Cpu& c) { c.avx_vnni = true; },
      [](Cpu& c) { c.avx512 = false; },
      [](Cpu& c) { c.avx512_vnni = true; },
      [](Cpu& c) { c.avx512_bf16 = true; },
      [](Cpu& c) { c.avx512_fp16 = true; },
      [](Cpu& c) { c.amx_int8 = true; },
      [](Cpu& c) { c.amx_bf16 = true; },
      [](Cpu& c) { c.data_caches.pop_back(); },
      [](Cpu& c) { c.data_caches[0].size_bytes = 48 << 10; },
      [](Cpu& c) { c.data_caches[1].ways = 16; },
      [](Cpu& c) { c.data_caches[1].line_bytes = 128; },
      [](Cpu& c) { c.data_caches[2].sharing_cores = 1; },
      [](Cpu& c) { c.memory_bytes = std::size_t{32} << 30; },
  };
  int index = 0;
  for (const auto& change : changes) {
    Cpu c = example();
    change(c);
    EXPECT_NE(hardware_key(c), key) << "change " << index;
    EXPECT_TRUE(file_safe(hardware_key(c)));
    ++index;
  }
}

TEST(HardwareKey, DoesNotChangeWithWhatThisProcessMayUse) {
  const std::string key = hardware_key(example());
  Cpu c = example();
  c.cores = c.hardware_threads = 1;
  EXPECT_EQ(hardware_key(c), key);
  c.memory_bytes -= std::size_t{400} << 20;  // what a kernel keeps for itself
  EXPECT_EQ(hardware_key(c), key);
}

TEST(HardwareKey, IsFileSafeWhateverTheProcessorCallsItself) {
  for (const char* model : {"Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "", "../../etc/passwd",
                            "a/b\\c:d*e?", "Ünïcödé \xff\xfe", "---",
                            "x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x"}) {
    Cpu c = example();
    c.model = model;
    EXPECT_TRUE(file_safe(hardware_key(c))) << hardware_key(c);
  }
  EXPECT_TRUE(file_safe(hardware_key(cpu()))) << hardware_key(cpu());
  Cpu c = example();
  c.model = "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz";
  EXPECT_TRUE(hardware_key(c).starts_with("intel-xeon-platinum-8375c-25.17-2c-24g-"));
}

std::optional<std::string> value_of(const Environment& environment, const std::string& name) {
  for (const auto& [key, value] : environment) {
    if (key == name) return value;
  }
  return std::nullopt;
}

class EnvironmentTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("aisp_environment_" + std::to_string(getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  fs::path root_;
};

TEST_F(EnvironmentTest, SaysWhatTheFilesSay) {
  put("etc/os-release", "NAME=x\nPRETTY_NAME=\"Some Linux 1\"\n");
  put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
  put("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
  put("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
  put("proc/meminfo", "MemTotal:       1024 kB\nSwapTotal:   0 kB\nHugePages_Total:       3\n");
  put("proc/pressure/cpu", "some avg10=4.20 avg60=1.00 avg300=0.00 total=12\n");
  put("proc/self/status", "Cpus_allowed_list:\t0-1\n");
  put("sys/firmware/dmi/entries/17-0/raw",
      std::string("\x11\x22", 2) + std::string(30, '\0') + std::string("\xc0\x12", 2));
  const Environment e = read_environment(root_.string());
  EXPECT_EQ(value_of(e, "distribution"), "Some Linux 1");
  EXPECT_EQ(value_of(e, "thp"), "madvise");
  EXPECT_EQ(value_of(e, "governor"), "performance,powersave");
  EXPECT_EQ(value_of(e, "turbo"), "off");
  EXPECT_EQ(value_of(e, "memory_total_bytes"), "1048576");
  EXPECT_EQ(value_of(e, "swap_total_bytes"), "0");
  EXPECT_EQ(value_of(e, "huge_pages_total"), "3");
  EXPECT_EQ(value_of(e, "psi_cpu_some_avg10"), "4.20");
  EXPECT_EQ(value_of(e, "affinity"), "0-1");
  EXPECT_EQ(value_of(e, "memory_speed"), "4800 MT/s");
}

TEST_F(EnvironmentTest, WhatCannotBeReadIsAbsent) {
  const Environment e = read_environment(root_.string());
  for (const char* name : {"distribution", "thp", "governor", "turbo", "memory_total_bytes", "aslr",
                           "load_average", "affinity", "microcode", "memory_speed", "cgroup_cpus",
                           "steal_percent_since_boot", "psi_cpu_some_avg10"}) {
    EXPECT_EQ(value_of(e, name), std::nullopt) << name;
  }
  for (const auto& [name, value] : e) EXPECT_FALSE(value.empty()) << name;
}

TEST_F(EnvironmentTest, LoadCountsStealAsBusyAndWaitingAsIdle) {
  put("proc/stat", "cpu  100 20 30 4000 500 6 7 80 9 0\ncpu0 1 1 1 1\n");
  put("proc/loadavg", "1.25 0.50 0.10 1/100 42\n");
  put("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=123456\nfull total=9\n");
  const double hz = static_cast<double>(sysconf(_SC_CLK_TCK));
  const SystemLoad load = read_system_load(root_.string());
  EXPECT_DOUBLE_EQ(load.load1, 1.25);
  EXPECT_DOUBLE_EQ(load.steal_seconds, 80 / hz);
  EXPECT_DOUBLE_EQ(load.idle_seconds, 4500 / hz);
  EXPECT_DOUBLE_EQ(load.busy_seconds, (100 + 20 + 30 + 6 + 7 + 80) / hz);
  EXPECT_DOUBLE_EQ(load.psi_cpu_some_us, 123456.0);
}

TEST(Environment, OfThisMachineNamesItsKernelAndVariables) {
  setenv("OMP_AISP_TEST", "7", 1);
  const Environment e = read_environment();
  unsetenv("OMP_AISP_TEST");
  EXPECT_TRUE(value_of(e, "kernel").has_value());
  EXPECT_EQ(value_of(e, "env.OMP_AISP_TEST"), "7");
  EXPECT_EQ(value_of(read_environment(), "env.OMP_AISP_TEST"), std::nullopt);
}

TEST(SystemLoad, OnlyGrows) {
  const SystemLoad before = read_system_load(), after = read_system_load();
  EXPECT_GE(after.busy_seconds, before.busy_seconds);
  EXPECT_GE(after.idle_seconds + 0.02, before.idle_seconds);  // idle may step back by a tick
  EXPECT_GE(after.psi_cpu_some_us, before.psi_cpu_some_us);
}

}  // namespace
}  // namespace aisp::machine
