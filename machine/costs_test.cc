// The costs must be there or say why they are not, agree with what can be known without them
// (counts of faults, sleeps that were planted, a cycle's length), and leave nothing behind. No test
// asserts that something takes less than a time: a busy machine would fail it.
#include "machine/costs.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/error.h"
#include "machine/core_latency.h"
#include "machine/cost_memory.h"
#include "machine/descriptors.h"
#include "machine/pointer_chase.h"

namespace aisp::machine {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::string text;
  for (int core = 0; core < CPU_SETSIZE; ++core) text += CPU_ISSET(core, &set) ? '1' : '0';
  return text;
}

Costs sample_costs() {
  Costs costs;
  costs.cores = 4;
  costs.load1 = 0.5;
  costs.seconds = 2.0;
  costs.disk_folder = "/somewhere";
  costs.costs = {{"load latency/L1", "ns", {1.5, 1.25, 2.0}, 1.25, "16 KiB"},
                 {"loopback/TCP, 1 stream", "GB/s", {3.0, 2.0, 4.0}, 3.5, ""}};
  costs.core_pairs = {{0, 1, {50.0, 40.0, 60.0}}, {0, 2, {150.0, 140.0, 160.0}}};
  costs.missing = {{"NUMA latency", "this machine has one NUMA node"}};
  return costs;
}

TEST(Costs, JsonHoldsEverything) {
  const Costs costs = sample_costs();
  const auto json = to_json(costs);
  const Costs again = costs_from_json(json);
  EXPECT_EQ(to_json(again), json);
  ASSERT_NE(again.find("load latency/L1"), nullptr);
  EXPECT_EQ(again.find("load latency/L1")->value.high, 2.0);
  EXPECT_EQ(again.find("load latency/L9"), nullptr);
  EXPECT_EQ(again.core_pairs[1].b, 2);
  EXPECT_EQ(again.missing[0].why, costs.missing[0].why);
}

TEST(Costs, MalformedJsonIsAnError) {
  const auto good = to_json(sample_costs());
  const auto broken = [&](const char* at, nlohmann::ordered_json value) {
    auto json = good;
    json[nlohmann::ordered_json::json_pointer(at)] = std::move(value);
    return json;
  };
  EXPECT_THROW(costs_from_json(broken("/rows/0/low", 0.0)), Error);
  EXPECT_THROW(costs_from_json(broken("/rows/0/low", 1.75)), Error);  // beyond the estimate
  EXPECT_THROW(costs_from_json(broken("/rows/0/best", "quick")), Error);
  EXPECT_THROW(costs_from_json(broken("/rows/0/name", 3)), Error);
  EXPECT_THROW(costs_from_json(broken("/core_pairs/0/estimate", nullptr)), Error);
  EXPECT_THROW(costs_from_json(broken("/not_measured", 3)), Error);
  EXPECT_THROW(costs_from_json(nlohmann::ordered_json::array()), Error);
}

TEST(Costs, EverythingIsThereOrSaysWhyAndNothingStays) {
  const fs::path folder = fs::temp_directory_path() / ("aisp_costs_" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::string cores = affinity();
  const std::size_t threads = entries("/proc/self/task"), files = entries("/proc/self/fd");
  CostOptions options;
  options.seconds = 0.5;
  options.disk_folder = folder.string();
  options.disk_limit_bytes = std::size_t{16} << 20;
  const Costs costs = measure_costs(cpu(), options);
  EXPECT_EQ(affinity(), cores);
  // A joined thread leaves the list a moment later.
  for (int i = 0; i < 500 && entries("/proc/self/task") > threads; ++i) usleep(10'000);
  EXPECT_EQ(entries("/proc/self/task"), threads);
  EXPECT_EQ(entries("/proc/self/fd"), files);
  EXPECT_EQ(entries(folder.string()), 0u);
  fs::remove_all(folder);

  std::set<std::string> groups, names;
  for (const Cost& cost : costs.costs) {
    groups.insert(cost.name.substr(0, cost.name.find('/')));
    EXPECT_TRUE(names.insert(cost.name).second) << cost.name << " twice";
    EXPECT_GT(cost.value.low, 0.0) << cost.name;
    EXPECT_TRUE(cost.value.contains(cost.value.estimate)) << cost.name;
    EXPECT_GT(cost.best, 0.0) << cost.name;
  }
  for (const NotMeasured& missing : costs.missing) {
    groups.insert(missing.name.substr(0, missing.name.find('/')));
    EXPECT_FALSE(missing.why.empty()) << missing.name;
  }
  for (const char* group : {"load latency", "pages", "memory bandwidth", "system", "threads",
                            "loopback", "disk", "core to core"}) {
    EXPECT_TRUE(groups.contains(group)) << group;
  }
  EXPECT_NO_THROW(costs_from_json(to_json(costs)));
}

// The least of many epochs of 20 us or so: time slices of others are longer, so some stay whole.
TEST(LoadLatency, GrowsFromTheFirstCacheToMemory) {
  Crew crew(cpu());
  const auto least = [&](std::size_t bytes, std::int64_t loads) {
    auto buffer = std::make_shared<PageBuffer>(bytes);
    buffer->fill();
    const void* const start = lay_cycle(buffer->data(), bytes, 64, 1);
    const CountedLoop loop = chase_loop(crew, buffer, start);
    double ns = 1e9;
    for (int i = 0; i < 300; ++i) {
      const Epoch epoch = loop(loads);
      ns = std::min(ns, 1e9 * epoch.seconds / epoch.work);
    }
    return ns;
  };
  EXPECT_LT(2.0 * least(std::size_t{8} << 10, 10000), least(std::size_t{256} << 20, 1000));
}

TEST(PointerCycle, VisitsEveryLineOnceAndReturns) {
  for (const std::size_t lines : {2u, 3u, 16u, 1000u}) {
    std::vector<std::byte> memory(lines * 64 + 64);
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    std::byte* const aligned = memory.data() + (64 - address % 64) % 64;
    const void* const start = lay_cycle(aligned, lines * 64, 64, lines);
    std::set<const void*> seen;
    const void* at = start;
    do {
      EXPECT_TRUE(seen.insert(at).second);
      at = *static_cast<const void* const*>(at);
    } while (at != start && seen.size() <= lines);
    EXPECT_EQ(seen.size(), lines);
    const void* expected = start;
    for (int i = 0; i < 3 * kChaseBlock; ++i) {
      expected = *static_cast<const void* const*>(expected);
    }
    EXPECT_EQ(chase(start, 3), expected);
  }
}

TEST(PageCosts, TouchAsManyPagesAsTheKernelCounts) {
  Crew crew(cpu());
  rusage before{}, after{};
  const CountedLoop loop = fault_loop(crew, Pages::kBase, cpu().page_bytes);
  loop(1);
  getrusage(RUSAGE_THREAD, &before);
  const Epoch epoch = loop(1);
  getrusage(RUSAGE_THREAD, &after);
  const auto faults = static_cast<double>(after.ru_minflt - before.ru_minflt);
  EXPECT_GE(faults, epoch.work);
  EXPECT_LE(faults, epoch.work * 1.01 + 20);  // the crew's own and those of this test
}

TEST(RoundTrips, APlantedSlowEndIsSeen) {
  constexpr auto kDelay = std::chrono::milliseconds(2);
  for (Channel (*make)() : {pipe_channel, unix_channel, tcp_channel}) {
    Channel channel = make();
    std::thread slow([&channel, kDelay] {
      char byte;
      while (read(channel.far_in.get(), &byte, 1) == 1) {
        std::this_thread::sleep_for(kDelay);
        if (write(channel.far_out.get(), &byte, 1) != 1) return;
      }
    });
    const auto begin = std::chrono::steady_clock::now();
    round_trips(channel, 5);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 5 * kDelay);
    shutdown(channel.near_out.get(), SHUT_RDWR);  // of a socket: its duplicate would keep it open
    channel.near_out.reset();
    slow.join();
  }
}

TEST(RoundTrips, ABrokenChannelIsAnError) {
  Channel channel = unix_channel();
  channel.far_in.reset();
  channel.far_out.reset();
  signal(SIGPIPE, SIG_IGN);
  EXPECT_THROW(round_trips(channel, 1), Error);
  signal(SIGPIPE, SIG_DFL);
}

TEST(CoreLatencies, EveryPairOnceAndAffinityComesBack) {
  const std::string before = affinity();
  CoreLatencies latencies(cpu().core_ids);
  const std::size_t n = std::min<std::size_t>(64, cpu().core_ids.size());
  EXPECT_EQ(latencies.pairs(), n * (n - 1) / 2);
  if (latencies.pairs() == 0) GTEST_SKIP() << "one usable core";
  ASSERT_TRUE(latencies.sample(0.01));
  EXPECT_EQ(affinity(), before);
  std::set<std::pair<int, int>> seen;
  for (const CorePair& pair : latencies.result()) {
    EXPECT_LT(pair.a, pair.b);
    EXPECT_TRUE(seen.insert({pair.a, pair.b}).second);
    EXPECT_GT(pair.ns.low, 0.0);
  }
  EXPECT_EQ(seen.size(), latencies.pairs());
}

TEST(CoreLatencies, ManyCoresAreSampledEvenly) {
  std::vector<int> cores(256);
  for (int i = 0; i < 256; ++i) cores[static_cast<std::size_t>(i)] = i;
  EXPECT_EQ(CoreLatencies(cores).pairs(), 64u * 63u / 2u);
}

TEST(CoreLatencies, RefusedPinningIsSaid) {
  CoreLatencies nowhere({CPU_SETSIZE - 2, CPU_SETSIZE - 1});
  EXPECT_FALSE(nowhere.sample(0.01));
}

TEST(CoreLatencies, SummaryNamesTheEndsAndTheMiddle) {
  const std::vector<CorePair> pairs = {
      {0, 1, {50, 49, 51}}, {0, 2, {150, 149, 151}}, {1, 2, {70, 69, 71}}};
  const std::vector<Cost> rows = summarize(pairs, 3);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].value.estimate, 50);
  EXPECT_EQ(rows[1].value.estimate, 70);
  EXPECT_EQ(rows[2].value.estimate, 150);
  EXPECT_NE(rows[2].detail.find("cores 0 and 2"), std::string::npos);
  EXPECT_EQ(summarize({pairs[0]}, 2).size(), 1u);
  EXPECT_TRUE(summarize({}, 1).empty());
}

// The first node twice stands in for two: the same loops, and the caller comes back to its core.
TEST(NumaCosts, EveryPairIsMeasuredOrSaysWhy) {
  const std::vector<NumaNode> real = read_numa_nodes();
  if (real[0].cpus.empty()) GTEST_SKIP() << "the first node has no cores";
  Crew crew(cpu());
  const std::string before = affinity();
  CostSheet sheet;
  CostOptions options;
  const CostProbe probe{cpu(), options, crew, sheet};
  const NumaNode first = real[0], second{real[0].id, {real[0].cpus.back()}};
  add_numa_pairs(probe, {first, second});
  sheet.measure(0.2, options, [](int) {});
  Costs costs;
  sheet.store(costs);
  EXPECT_EQ(costs.costs.size() + costs.missing.size(), 8u);
  for (const Cost& cost : costs.costs) EXPECT_GT(cost.value.low, 0.0) << cost.name;
  for (const NotMeasured& missing : costs.missing) {
    EXPECT_FALSE(missing.why.empty()) << missing.name;
  }
  EXPECT_EQ(affinity(), before);
}

}  // namespace
}  // namespace aisp::machine
