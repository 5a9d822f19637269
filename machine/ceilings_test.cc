// Measured ceilings must be plausible against each other, answer as ceilings.h says, and survive a
// round trip through JSON. No test depends on how quick a machine is.
#include "machine/ceilings.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "machine/ceiling_kernels.h"
#include "machine/environment.h"

namespace aisp::machine {
namespace {

// Small enough that measuring takes a fraction of a second: no wide kernels, one thread, few
// levels.
Cpu small_cpu() {
  Cpu c;
  c.vendor = c.model = "Test";
  c.architecture = "none";
  c.data_caches = {{1, 32 << 10, 8, 64, 1}, {2, 256 << 10, 8, 64, 1}};
  c.memory_bytes = std::size_t{1} << 28;  // memory's share: 16 MiB
  return c;
}

Ceilings example() {
  Ceilings c;
  c.hardware_key = "example";
  c.load1 = 0.25;
  c.interrupted_share = 0.125;
  c.clock_ghz = {3.5, 3.4, 3.6};
  c.compute = {{"scalar", DType::kF32, 1, {10, 9, 11}, 12},
               {"scalar", DType::kF32, 4, {40, 36, 44}, 46},
               {"avx2", DType::kF32, 1, {100, 95, 101}, 102},
               {"avx2", DType::kF32, 4, {350, 340, 360}, 370},
               {"avx512_bf16", DType::kBF16, 1, {200, 190, 201}, 202},
               {"avx512_bf16", DType::kBF16, 4, {700, 690, 710}, 720},
               {"avx512_vnni", DType::kI8, 1, {400, 390, 401}, 402}};
  c.bandwidth = {{1, "read", 1, 16384, {200, 190, 210}, 220},
                 {1, "copy", 1, 16384, {250, 240, 260}, 270},
                 {1, "read", 4, 65536, {790, 700, 800}, 850},
                 {2, "read", 1, 1 << 19, {100, 90, 110}, 115},
                 {2, "read", 4, 1 << 21, {390, 300, 400}, 410},
                 {0, "read", 1, std::size_t{1} << 28, {20, 19, 21}, 22},
                 {0, "read", 4, std::size_t{1} << 28, {30, 25, 32}, 33}};
  return c;
}

Cpu example_cpu() {
  Cpu c;
  c.cores = c.cores_online = 4;
  c.data_caches = {{1, 32 << 10, 8, 64, 1}, {2, 1 << 20, 8, 64, 1}};
  return c;
}

TEST(Ceilings, ComputeTakesTheWidestAndInterpolatesThreads) {
  const Ceilings c = example();
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kF32, 1), 100);
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kF32, 2), 200);
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kF32, 4), 350);
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kF32, 64), 350);
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kF32, 1, true), 102);
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kF32, 4, true), 408);  // 4 x 102, not the 370 seen
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kF64, 1), 0);
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kI32, 1), 0);
}

TEST(Ceilings, NarrowTypesHaveAtLeastTheRateOfTheTypeTheyAreComputedIn) {
  const Ceilings c = example();
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kBF16, 1), 200);
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kF16, 1), 100);
  EXPECT_DOUBLE_EQ(c.compute_gflop_per_s(DType::kU8, 1), 400);
}

TEST(Ceilings, BandwidthIsThatOfTheLevelThatHoldsTheWorkingSet) {
  const Ceilings c = example();
  const Cpu machine = example_cpu();
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, 1000, 1), 250);
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, 32 << 10, 1), 250);
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, (32 << 10) + 1, 1), 100);
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, 128 << 10, 4), 790);  // four L1 hold it
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, 1 << 20, 2), 200);
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, 1 << 30, 1), 20);
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, 1 << 30, 3), 30);
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, 1 << 30, 1, true), 22);
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, 1 << 30, 1, true, true), 115);
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(machine, 1000, 1, true, true), 270);
}

TEST(Ceilings, UnknownIsZeroAndAMissingLevelIsBoundedByTheNextFaster) {
  EXPECT_DOUBLE_EQ(Ceilings{}.bandwidth_gb_per_s(example_cpu(), 1, 1), 0);
  EXPECT_DOUBLE_EQ(Ceilings{}.compute_gflop_per_s(DType::kF32, 1), 0);
  EXPECT_DOUBLE_EQ(Ceilings{}.bandwidth_gb_per_s(Cpu{}, 1, 1), 0);
  Ceilings c = example();
  std::erase_if(c.bandwidth, [](const auto& entry) { return entry.level == 0; });
  EXPECT_DOUBLE_EQ(c.bandwidth_gb_per_s(example_cpu(), 1 << 30, 1), 100);
}

TEST(Ceilings, RaisingTakesTheHigherOfEachEntryAndAddsNone) {
  Ceilings c = example(), again = example();
  again.compute[0].gflop_per_s = {20, 19, 21};
  again.compute[0].best = 11;  // lower than the 12 known
  again.bandwidth[0].best = 300;
  again.bandwidth[1].gb_per_s = {100, 90, 110};
  again.compute.push_back({"other", DType::kF64, 1, {1, 1, 1}, 1});
  c.raise_to(again);
  EXPECT_EQ(c.compute.size(), example().compute.size());
  EXPECT_DOUBLE_EQ(c.compute[0].gflop_per_s.estimate, 20);
  EXPECT_DOUBLE_EQ(c.compute[0].best, 12);
  EXPECT_DOUBLE_EQ(c.bandwidth[0].best, 300);
  EXPECT_DOUBLE_EQ(c.bandwidth[1].gb_per_s.estimate, 250);
}

TEST(CeilingsJson, RoundTripIsExact) {
  const Ceilings before = example();
  const std::string text = to_json(before);
  const Ceilings after = ceilings_from_json(text);
  EXPECT_EQ(to_json(after), text);
  ASSERT_EQ(after.compute.size(), before.compute.size());
  ASSERT_EQ(after.bandwidth.size(), before.bandwidth.size());
  EXPECT_DOUBLE_EQ(after.clock_ghz.high, 3.6);
  EXPECT_DOUBLE_EQ(after.interrupted_share, 0.125);
  EXPECT_EQ(ceilings_from_json(to_json(Ceilings{})).clock_ghz.estimate, 0);
  EXPECT_EQ(after.compute[4].dtype, DType::kBF16);
  EXPECT_EQ(after.bandwidth[1].kind, "copy");
  EXPECT_DOUBLE_EQ(after.bandwidth[5].gb_per_s.low, 19);
}

TEST(CeilingsJson, MalformedTextIsAnErrorWithARemedy) {
  const std::string good = to_json(example());
  std::vector<std::string> bad = {"",   "{",        "[]",       "null",
                                  "{}", "\xff\xfe", good + "x", good.substr(0, good.size() / 2)};
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    bad.push_back(text.replace(at, from.size(), to));
  };
  replaced("\"schema_version\": 3", "\"schema_version\": 999");
  replaced("aisp.ceilings", "other");
  replaced("\"f32\"", "\"f33\"");
  replaced("\"threads\": 1", "\"threads\": 0");
  replaced("\"threads\": 1", "\"threads\": 1.5");
  replaced("\"threads\": 1", "\"threads\": \"1\"");
  replaced("\"estimate\": 10.0", "\"estimate\": null");
  replaced("\"estimate\": 10.0", "\"estimate\": -10.0");
  replaced("\"estimate\": 10.0", "\"estimate\": 100.0");
  replaced("\"best\": 12.0", "\"worst\": 12.0");
  for (const std::string& text : bad) {
    try {
      ceilings_from_json(text);
      ADD_FAILURE() << "accepted: " << text.substr(0, 60);
    } catch (const Error& error) {
      EXPECT_FALSE(error.remedy().empty());
    }
  }
}

TEST(CeilingKernels, EveryKernelRunsAndStreamsMoveWhatTheySay) {
  for (const ComputeKernel& kernel : compute_kernels(cpu())) {
    kernel.run(0);
    kernel.run(3);
    EXPECT_GT(kernel.operations_per_iteration, 0) << kernel.isa;
  }
  constexpr std::size_t kBytes = 4 * kStreamBlockBytes;
  alignas(64) static std::byte from[kBytes], to[kBytes + 64];
  for (const StreamKernel& kernel : stream_kernels(cpu())) {
    for (std::size_t i = 0; i < kBytes; ++i) from[i] = static_cast<std::byte>(i * 7 + 1);
    std::fill(std::begin(to), std::end(to), std::byte{0});
    kernel.run(to, from, kBytes, 2);
    const std::string kind = kernel.kind;
    const bool two = kind.starts_with("copy") || kind == "update";
    EXPECT_EQ(kernel.streams, two ? 2 : 1);
    EXPECT_EQ(kernel.moved(), kind == "update" ? 3 : kernel.streams);
    // An update combines by exclusive or: a second pass undoes the first, a third redoes it.
    if (kind == "update") {
      for (std::size_t i = 0; i < kBytes; ++i) ASSERT_EQ(to[i], std::byte{0}) << kernel.isa;
      kernel.run(to, from, kBytes, 1);
      for (std::size_t i = 0; i < kBytes; ++i) ASSERT_EQ(to[i], from[i]) << kernel.isa;
      continue;
    }
    for (std::size_t i = 0; i < kBytes; ++i) {
      ASSERT_EQ(from[i], static_cast<std::byte>(i * 7 + 1)) << kind;
      if (kind.starts_with("copy")) {
        ASSERT_EQ(to[i], from[i]) << kernel.isa << " " << kind << " " << i;
      } else {
        ASSERT_EQ(to[i] != std::byte{0}, kind.starts_with("write")) << kernel.isa << " " << kind;
      }
    }
    for (std::size_t i = kBytes; i < kBytes + 64; ++i) ASSERT_EQ(to[i], std::byte{0}) << kind;
  }
}

TEST(CeilingKernels, WiderKernelsNeedTheirFeature) {
  for (const ComputeKernel& kernel : compute_kernels(Cpu{})) {
    EXPECT_TRUE(std::string(kernel.isa) == "scalar" || std::string(kernel.isa) == "sse2" ||
                std::string(kernel.isa) == "neon");
  }
  for (const StreamKernel& kernel : stream_kernels(Cpu{})) {
    EXPECT_TRUE(std::string(kernel.isa) == "sse2" || std::string(kernel.isa) == "portable");
  }
}

// The only test that times: bounds that hold under sanitizers and any load.
TEST(MeasureCeilings, EveryEntryIsPlausibleAndTheCallerIsLeftAsItWas) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CeilingOptions options;
  options.seconds = 1.0;
  static double last_fraction;
  last_fraction = -1.0;
  options.progress = [](double fraction, const std::string& now) {
    EXPECT_GE(fraction, last_fraction);
    EXPECT_LE(fraction, 1.0);
    EXPECT_FALSE(now.empty());
    last_fraction = fraction;
  };
  const Ceilings ceilings = measure_ceilings(cpu(), options);
  EXPECT_EQ(last_fraction, 1.0);
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
  EXPECT_EQ(ceilings.hardware_key, hardware_key(cpu()));

  EXPECT_EQ(ceilings.clock_ghz.estimate > 0.1, clock_kernel() != nullptr);
  EXPECT_LT(ceilings.clock_ghz.estimate, 10.0);
  EXPECT_GE(ceilings.interrupted_share, 0.0);
  EXPECT_LE(ceilings.interrupted_share, 1.0);

  double scalar = 0, widest = 0;
  for (const ComputeCeiling& entry : ceilings.compute) {
    EXPECT_TRUE(entry.threads == 1 || entry.threads == cpu().cores);
    EXPECT_TRUE(entry.gflop_per_s.contains(entry.gflop_per_s.estimate)) << entry.isa;
    EXPECT_GT(entry.gflop_per_s.low, 0) << entry.isa;
    EXPECT_GE(entry.best, entry.gflop_per_s.estimate) << entry.isa;
    if (entry.dtype != DType::kF32 || entry.threads != 1) continue;
    if (entry.isa == "scalar") scalar = entry.best;
    widest = std::max(widest, entry.best);
  }
  EXPECT_GT(scalar, 0);
  EXPECT_GT(widest, scalar / 2);
  const std::size_t thread_counts = cpu().cores > 1 ? 2 : 1;
  EXPECT_GE(ceilings.bandwidth.size(), (cpu().data_caches.size() * 3) * thread_counts);
  for (const BandwidthCeiling& entry : ceilings.bandwidth) {
    EXPECT_TRUE(entry.gb_per_s.contains(entry.gb_per_s.estimate)) << entry.kind;
    EXPECT_GT(entry.gb_per_s.low, 0) << entry.kind;
    EXPECT_LT(entry.best, 1e6) << entry.kind << ": a loop was optimized away";
    EXPECT_GE(entry.best, entry.gb_per_s.estimate) << entry.kind;
    EXPECT_GT(entry.working_set_bytes, 0u);
  }
  EXPECT_EQ(to_json(ceilings_from_json(to_json(ceilings))), to_json(ceilings));
}

TEST(MeasureCeilingsDeathTest, NoMemoryIsAnErrorThatSaysWhatToDo) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers map terabytes: the address-space limit cannot be lowered";
#endif
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto attempt = [] {
    Cpu c = small_cpu();
    c.memory_bytes = std::size_t{1} << 33;
    c.data_caches.push_back({3, 128 << 20, 16, 64, 1});  // wants 512 MiB of memory
    const rlimit limit{256u << 20, 256u << 20};
    setrlimit(RLIMIT_AS, &limit);
    try {
      measure_ceilings(c, {});
    } catch (const Error& error) {
      std::fprintf(stderr, "%s\n", error.what());
      std::exit(error.remedy().empty() ? 8 : 7);
    }
    std::exit(9);
  };
  EXPECT_EXIT(attempt(), testing::ExitedWithCode(7), "cannot map [0-9]+ MiB");
}

}  // namespace
}  // namespace aisp::machine
