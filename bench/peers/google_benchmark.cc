// The self-test's workloads as a google-benchmark program. One process times one side:
//   peer_google_benchmark compute|memory STEPS [--benchmark_...]
// Source: google/benchmark 1.7, docs/user_guide.md (DoNotOptimize, command line options).
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/selftest_workloads.h"

namespace {

using namespace aisp::bench;

void time_compute(benchmark::State& state, std::uint64_t steps) {
  std::uint64_t x = 1;
  for (auto _ : state) x = compute_chain(steps, x);
  benchmark::DoNotOptimize(x);
}

void time_memory(benchmark::State& state, std::uint64_t steps) {
  const auto next = random_cycle(1);
  std::uint32_t at = 0;
  for (auto _ : state) at = memory_chain(steps, next.data(), at);
  benchmark::DoNotOptimize(at);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 2 ? argv[1] : "";
  const long long steps = argc > 2 ? std::atoll(argv[2]) : 0;
  if ((kind != "compute" && kind != "memory") || steps <= 0) {
    std::fprintf(stderr, "use: peer_google_benchmark compute|memory STEPS [--benchmark_...]\n");
    return 4;
  }
  benchmark::RegisterBenchmark("chain", kind == "memory" ? time_memory : time_compute,
                               static_cast<std::uint64_t>(steps));
  argv[2] = argv[0];
  argc -= 2;
  argv += 2;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 4;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
