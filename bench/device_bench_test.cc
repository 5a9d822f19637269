// What a call finds in the L2 in each cache mode, proven by a probe: threads that follow chains of
// loads through every line of a buffer of 8 MiB, so that the time is the latency of what answers.
// An L2 answers in about 270 cycles, memory in two to three times that (H100 and H200), so that
// a ratio of 1.3 tells them apart with room for lines that stayed and for launches.
#include "bench/device_bench.h"

#include <gtest/gtest.h>

#include <cstring>

#include "bench/selftest_kernels.h"

namespace aisp::bench {
namespace {

constexpr std::int64_t kBytes = 8 << 20, kChains = 1024;

Lab chase_lab() {
  Lab lab;
  lab.problem = [](const Params&) {
    return Problem{
        {{.name = "words", .dtype = DType::kI32, .shape = {kBytes / 4}, .structured = true}},
        {{"sink", DType::kI32, {1}}}};
  };
  lab.prepare = [](const Params&, std::uint64_t seed, const Io& io) {
    const auto words = chase_cycles(kBytes, kChains, seed);
    std::memcpy(io.fill<std::int32_t>(0).data(), words.data(), kBytes);
  };
  return lab;
}

std::unique_ptr<Plan> chase_plan() {
  return plan_of([](const Io& io) {
    const auto* words = reinterpret_cast<const std::uint32_t*>(io.in<std::int32_t>(0).data());
    auto* sink = reinterpret_cast<std::uint32_t*>(io.out<std::int32_t>(0).data());
    enqueue_chase(words, kBytes, kChains, sink, io.stream());
  });
}

// Median time of a call, in ns, in epochs like a lab's.
double call_ns(const DeviceBenchOptions& options) {
  const Lab lab = chase_lab();
  DeviceBench bench(options);
  InputSet set(lab.problem({}), "/tmp", bench.place(lab.problem({})));
  set.fill(lab, {}, 7);
  const auto plan = chase_plan();
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    bench.warm_up(*plan, set);
    times.push_back(bench.epoch(*plan, set, 16, {}).cpu_ns);
  }
  bench.forget_graphs();
  return median(times);
}

TEST(Chase, LeadsThroughEveryLineOnce) {
  constexpr std::int64_t bytes = 128 * 96, chains = 8;
  const auto words = chase_cycles(bytes, chains, 3);
  std::vector<int> met(96);
  for (std::int64_t chain = 0; chain < chains; ++chain) {
    std::uint32_t at = static_cast<std::uint32_t>(chain * 32);
    for (std::int64_t hop = 0; hop < 96 / chains; ++hop) {
      ++met[at / 32];
      at = words[at];
    }
    EXPECT_EQ(at, chain * 32) << "it is a cycle";
  }
  EXPECT_EQ(met, std::vector<int>(96, 1));
}

TEST(DeviceBenchCuda, CacheModesAreWhatTheySay) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  if (machine::cuda_device().l2_bytes < 3 * kBytes) GTEST_SKIP() << "the L2 is too small";
  const double warm = call_ns({.cache = CacheMode::kWarm});
  const double cold = call_ns({.cache = CacheMode::kCold});
  const double dirty = call_ns({.cache = CacheMode::kDirty});
  const double warm_graph = call_ns({.cache = CacheMode::kWarm, .graph = true});
  const double cold_graph = call_ns({.cache = CacheMode::kCold, .graph = true});
  RecordProperty("warm_ns", std::to_string(warm));
  RecordProperty("cold_ns", std::to_string(cold));
  RecordProperty("dirty_ns", std::to_string(dirty));
  RecordProperty("warm_graph_ns", std::to_string(warm_graph));
  RecordProperty("cold_graph_ns", std::to_string(cold_graph));
  EXPECT_GT(cold, 1.3 * warm);
  EXPECT_GT(dirty, 1.3 * warm);
  // Its lines come from memory too, and others must be written back first.
  EXPECT_GT(dirty, cold / 1.3);
  EXPECT_LT(warm_graph, 1.3 * warm);
  EXPECT_GT(cold_graph, 1.3 * warm_graph);
}

}  // namespace
}  // namespace aisp::bench
