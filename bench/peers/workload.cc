// The self-test's workloads as a program, for tools that time whole processes:
//   peer_workload list                               the rows, one JSON object a line
//   peer_workload run compute|memory STEPS CALLS     CALLS calls of one chain
//   peer_workload busy compute|memory                a background load, until killed
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bench/selftest_workloads.h"

namespace {

using namespace aisp::bench;

int usage() {
  std::fprintf(stderr,
               "use: peer_workload list | run compute|memory STEPS CALLS | "
               "busy compute|memory\n");
  return 4;
}

int list() {
  for (const SelftestWorkload& row : kSelftestWorkloads) {
    std::printf(
        "{\"workload\": \"%s\", \"kind\": \"%s\", \"steps\": %llu, \"more_steps\": %llu, "
        "\"effect\": %g, \"margin\": %g}\n",
        row.name, row.memory ? "memory" : "compute", static_cast<unsigned long long>(row.steps),
        static_cast<unsigned long long>(row.steps_with_effect()), row.effect, row.margin);
  }
  return 0;
}

int run(bool memory, std::uint64_t steps, std::uint64_t calls) {
  if (memory) {
    const auto next = random_cycle(1);
    std::uint32_t at = 0;
    for (std::uint64_t i = 0; i < calls; ++i) at = memory_chain(steps, next.data(), at);
    selftest_sink = at;
  } else {
    std::uint64_t x = 1;
    for (std::uint64_t i = 0; i < calls; ++i) x = compute_chain(steps, x);
    selftest_sink = x;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "list" && argc == 2) return list();
  const std::string kind = argc > 2 ? argv[2] : "";
  if (kind != "compute" && kind != "memory") return usage();
  if (verb == "busy" && argc == 3) be_busy(kind == "memory");
  if (verb != "run" || argc != 5) return usage();
  const long long steps = std::atoll(argv[3]), calls = std::atoll(argv[4]);
  if (steps <= 0 || calls <= 0) return usage();
  return run(kind == "memory", static_cast<std::uint64_t>(steps),
             static_cast<std::uint64_t>(calls));
}
