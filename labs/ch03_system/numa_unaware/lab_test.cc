// On a machine with one node only the baseline runs, so the others are made to: every placement is
// right, takes the seats and pages it says, and gives the caller its cores back.
#include <gtest/gtest.h>
#include <sched.h>

#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch03_system/numa_unaware/problem.h"

namespace aisp::labs::ch03::numa_unaware {

bench::Lab describe();

namespace {

constexpr Touch kAllTouches[] = {Touch::kMain, Touch::kRemote, Touch::kLocal, Touch::kInterleaved};

TEST(NumaUnawareLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(NumaUnawareLab, EveryPlacementIsRightOnOneNodeToo) {
  bench::Lab lab = describe();
  for (bench::Technique& technique : lab.techniques) technique.needs = {};
  EXPECT_EQ(bench::check_all_techniques(lab), "");
}

TEST(NumaUnawareLab, OneNodeIsTheReasonForAllButTheBaseline) {
  machine::Cpu one, two;
  one.numa_nodes = 1;
  two.numa_nodes = 2;
  for (const bench::Technique& technique : describe().techniques) {
    if (technique.name == describe().baseline) {
      EXPECT_FALSE(technique.needs);
      continue;
    }
    EXPECT_EQ(technique.needs(one), "one NUMA node") << technique.name;
    EXPECT_EQ(technique.needs(two), "") << technique.name;
  }
}

TEST(NumaUnawareLab, WorkersSitNodeByNode) {
  // Cores of two sockets numbered in turn, as many machines do; node 2 has memory alone.
  const std::vector<machine::NumaNode> nodes = {{0, {0, 2, 4}}, {1, {1, 3, 5}}, {2, {}}};
  const auto taken = seats({0, 1, 2, 3}, nodes);
  ASSERT_EQ(taken.size(), 4u);
  const int cpus[] = {0, 2, 1, 3};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(taken[i].cpu, cpus[i]);
    EXPECT_EQ(taken[i].node, i / 2);
  }
}

TEST(NumaUnawareLab, RowsAreDealtWithoutGapsOnMockedNodes) {
  // This machine's cores as if they were nodes of their own; pages still come from node 0.
  std::vector<machine::NumaNode> nodes;
  for (const int core : machine::cpu().core_ids) nodes.push_back({0, {core}});
  const bench::Params size{{"rows", 37}, {"width", 129}, {"tokens", 2}};
  const bench::Lab lab = describe();
  for (const Touch touch : kAllTouches) {
    cpu_set_t before, after;
    ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
    Engine engine(size, {touch, true}, nodes);
    std::int64_t next = 0;
    for (int worker = 0; worker < engine.workers(); ++worker) {
      EXPECT_EQ(engine.rows_of(worker).begin, next);
      next = engine.rows_of(worker).end;
    }
    EXPECT_EQ(next, 37);
    bench::InputSet set(lab.problem(size), ::testing::TempDir());
    set.fill(lab, size, 9);
    engine.run(set.io());
    EXPECT_EQ(bench::wrong_output(lab, size, set, bench::compute_expected(lab, size, set)), "");
    ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
    EXPECT_TRUE(CPU_EQUAL(&before, &after));
  }
}

TEST(NumaUnawareLab, PagesAreThereBeforeAnythingIsLoaded) {
  const bench::Params size{{"rows", 64}, {"width", 4096}, {"tokens", 1}};
  static const char kProbe = 1;
  if (machine::node_of(&kProbe) < 0) GTEST_SKIP() << "move_pages is forbidden here";
  for (const Touch touch : kAllTouches) {
    const Engine engine(size, {touch, true});
    for (int worker = 0; worker < engine.workers(); ++worker) {
      EXPECT_GE(engine.node_of_rows(worker), 0);
    }
  }
}

TEST(NumaUnawareLab, LowerPrecisionFails) {
  const bench::Lab lab = describe();
  const bench::Technique bf16_weights = {
      .name = "bf16_weights", .plan = [](const bench::Params& p) {
        return bench::plan_of([p](const bench::Io& io) {
          std::vector<float> rounded;
          for (const float w : io.in<float>(0)) rounded.push_back(float(bf16(w)));
          const auto rows = static_cast<std::size_t>(p["rows"]);
          const auto width = static_cast<std::size_t>(p["width"]);
          const auto y = io.out<float>(0);
          for (std::size_t i = 0; i < y.size(); ++i) {
            double sum = 0.0;
            for (std::size_t k = 0; k < width; ++k) {
              sum += rounded[i % rows * width + k] * io.in<float>(1)[i / rows * width + k];
            }
            y[i] = static_cast<float>(sum);
          }
        });
      }};
  const bench::Params size{{"rows", 64}, {"width", 4096}, {"tokens", 2}};
  EXPECT_EQ(bench::run_and_check(lab, size, main_touch(), 1), "");
  EXPECT_NE(bench::run_and_check(lab, size, bf16_weights, 1), "");
}

}  // namespace
}  // namespace aisp::labs::ch03::numa_unaware
