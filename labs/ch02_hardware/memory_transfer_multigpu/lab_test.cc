// The copy between two workers beyond equality: the caller is given back as it was, workers on two
// nodes go where their memory is, and one ring serves call after call.
#include <gtest/gtest.h>
#include <sched.h>

#include "bench/verify.h"
#include "labs/ch02_hardware/memory_transfer_multigpu/problem.h"

namespace aisp::labs::ch02::memory_transfer_multigpu {

bench::Lab describe();

namespace {

std::vector<int> affinity() {
  cpu_set_t mask;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cpus;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &mask)) cpus.push_back(i);
  }
  return cpus;
}

TEST(MemoryTransferMultigpuLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(MemoryTransferMultigpuLab, WorkersOfTwoNodesRunBesideTheirMemory) {
  const auto& cores = machine::cpu().core_ids;
  const machine::NumaNode first{0, {cores.front()}}, last{0, {cores.back()}};
  const std::vector<int> before = affinity();
  {
    Workers workers({first, last});
    std::vector<int> sender, receiver;
    workers.run([&] { sender = affinity(); }, [&] { receiver = affinity(); });
    EXPECT_EQ(sender, first.cpus);
    EXPECT_EQ(receiver, last.cpus);
    EXPECT_EQ(affinity(), before);
  }
  EXPECT_EQ(affinity(), before);
}

TEST(MemoryTransferMultigpuLab, TheSecondWorkerWaitsForTheFirst) {
  Workers workers;
  bool sent = false, seen = false;
  workers.sender_then_receiver([&] { sent = true; }, [&] { seen = sent; });
  EXPECT_TRUE(seen);
}

TEST(MemoryTransferMultigpuLab, TheRingServesManyCalls) {
  const bench::Lab lab = describe();
  const bench::Params size{{"count", 12 * 128 * 1024 + 3}};
  const auto plan = pipelined_bounce().plan(size);
  bench::InputSet set(lab.problem(size), ::testing::TempDir());
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    set.fill(lab, size, seed);
    set.poison_outputs(seed);
    plan->run(set.io(), 1);
    EXPECT_EQ(bench::wrong_output(lab, size, set, bench::compute_expected(lab, size, set)), "");
  }
}

}  // namespace
}  // namespace aisp::labs::ch02::memory_transfer_multigpu
