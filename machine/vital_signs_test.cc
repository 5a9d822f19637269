// Readings must be what the files say, and shares what lies between two readings.
#include "machine/vital_signs.h"

#include <gtest/gtest.h>

#include "machine/temporary_tree.h"

namespace aisp::machine {
namespace {

TEST(VitalSigns, FromFiles) {
  TemporaryTree tree;
  tree.put("/proc/loadavg", "3.25 2.00 1.00 1/100 4242\n");
  tree.put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2000000\n");
  tree.put("/sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "3000000\n");
  tree.put("/sys/devices/system/cpu/cpufreq/boost", "1\n");
  tree.put("/proc/pressure/cpu", "some avg10=12.50 avg60=1.00 avg300=0.10 total=5\n");
  tree.put("/proc/pressure/io", "nonsense\n");
  tree.put("/proc/meminfo", "MemTotal:  2048 kB\nMemAvailable:  1024 kB\n");
  tree.put("/sys/class/hwmon/hwmon0/temp1_input", "41000\n");
  tree.put("/sys/class/hwmon/hwmon1/temp2_input", "63500\n");
  tree.put("/sys/class/hwmon/hwmon1/temp3_input", "-128000\n");
  tree.put("/sys/class/hwmon/hwmon1/temp4_input", "65261850\n");
  const VitalSigns signs = read_vital_signs(GpuReader("/nowhere.so"), tree.root());
  EXPECT_EQ(signs.load.load1, 3.25);
  EXPECT_EQ(signs.clock_mhz, 2500.0);
  EXPECT_EQ(signs.pressure_cpu, 12.5);
  EXPECT_EQ(signs.pressure_io, std::nullopt);
  EXPECT_EQ(signs.pressure_memory, std::nullopt);
  EXPECT_EQ(signs.memory_bytes, 2048u * 1024);
  EXPECT_EQ(signs.memory_available_bytes, 1024u * 1024);
  EXPECT_EQ(signs.temperature, 63.5) << "the hottest that is connected";
  EXPECT_TRUE(signs.gpus.empty());
}

TEST(VitalSigns, FallBacks) {
  TemporaryTree tree;
  tree.put("/proc/cpuinfo", "cpu MHz\t\t: 1500.000\nx\t: 1\ncpu MHz\t\t: 2500.000\n");
  tree.put("/sys/class/thermal/thermal_zone0/temp", "38000\n");
  tree.put("/sys/class/thermal/cooling_device0/temp", "99000\n");
  const VitalSigns signs = read_vital_signs(GpuReader("/nowhere.so"), tree.root());
  EXPECT_EQ(signs.clock_mhz, 2000.0);
  EXPECT_EQ(signs.temperature, 38.0);
}

TEST(VitalSigns, NothingReadable) {
  TemporaryTree tree;
  const VitalSigns signs = read_vital_signs(GpuReader("/nowhere.so"), tree.root());
  EXPECT_EQ(signs.clock_mhz, std::nullopt);
  EXPECT_EQ(signs.temperature, std::nullopt);
  EXPECT_EQ(signs.memory_bytes, std::nullopt);
}

TEST(VitalSigns, Gpus) {
  const VitalSigns signs = read_vital_signs(GpuReader(AISP_FAKE_NVML));
  ASSERT_EQ(signs.gpus.size(), 2u);
  EXPECT_EQ(signs.gpus[1].sm_clock_now, 345);
  EXPECT_EQ(signs.gpus[1].uuid, "") << "what does not change is not asked again";
}

TEST(VitalSigns, SharesOfTheTimeBetween) {
  VitalSigns before, after;
  before.load = {.steal_seconds = 1, .busy_seconds = 10, .idle_seconds = 100};
  after.load = {.steal_seconds = 2, .busy_seconds = 13, .idle_seconds = 101};
  const TimeShares shares = shares_between(before, after);
  EXPECT_EQ(shares.busy_percent, 75.0);
  EXPECT_EQ(shares.steal_percent, 25.0);
  EXPECT_EQ(shares_between(after, after).busy_percent, std::nullopt);
  EXPECT_EQ(shares_between(after, before).busy_percent, std::nullopt);
}

}  // namespace
}  // namespace aisp::machine
