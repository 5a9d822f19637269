// Which cases have a ceiling beside them, what its loop touches, and what the record then says of
// planted durations.
#include "bench/ceiling_loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bench/describe.h"
#include "bench/judge.h"

namespace aisp::bench {
namespace {

Problem vectors(std::int64_t in, std::int64_t out) {
  return {{{"x", DType::kF32, {in}}}, {{"y", DType::kF32, {out}}}};
}

Work moves(double read, double written, double flops = 0.0) {
  return {.flops = flops, .bytes_read = read, .bytes_written = written};
}

TEST(MovesItsBuffers, OnlyWhatIsBoundByMemoryAndTouchesItsBuffersOnce) {
  const Problem copy = vectors(4096, 4096);
  EXPECT_TRUE(moves_its_buffers(moves(16384, 16384), copy));
  EXPECT_TRUE(moves_its_buffers(moves(16384, 16384, 8 * 4096), copy));
  EXPECT_FALSE(moves_its_buffers(moves(16384, 16384, 1e6), copy)) << "arithmetic decides";
  EXPECT_FALSE(moves_its_buffers(moves(16384, 64), copy)) << "most of the output is not its work";
  EXPECT_FALSE(moves_its_buffers(moves(64, 64), vectors(16, 16))) << "too small for a stream";
  Work other = moves(16384, 16384);
  other.medium = Work::Medium::kNone;
  EXPECT_FALSE(moves_its_buffers(other, copy));
  Problem file = copy;
  file.inputs[0].place = Place::kFile;
  EXPECT_FALSE(moves_its_buffers(moves(16384, 16384), file));
}

std::vector<std::unique_ptr<InputSet>> one_set(const Problem& problem) {
  std::vector<std::unique_ptr<InputSet>> sets;
  sets.push_back(std::make_unique<InputSet>(problem, "/tmp"));
  return sets;
}

TEST(CeilingLoop, ACopyOnAnyNumberOfThreadsTouchesEveryWholeBlock) {
  for (const int threads : {1, 2, 3}) {
    auto sets = one_set(vectors(10000, 10000));  // 78 blocks of 512 and 64 bytes
    std::memset(sets[0]->input(0).data, 0x5a, 40000);
    CeilingLoop loop(moves(40000, 40000), sets, threads);
    EXPECT_EQ(loop.kernel().substr(0, 4), "copy");
    EXPECT_NEAR(loop.scale(), 40000.0 / (78 * 512), 1e-9);
    std::memset(sets[0]->output(0).data, 0, 40000);
    loop.run(0, 1);
    const auto* to = static_cast<const unsigned char*>(sets[0]->output(0).data);
    EXPECT_EQ(std::count(to, to + 78 * 512, 0x5a), 78 * 512) << threads;
    EXPECT_EQ(std::count(to + 78 * 512, to + 40000, 0), 64) << "the rest is not whole";
    EXPECT_EQ(sets[0]->damaged_canary(), "");
  }
}

TEST(CeilingLoop, TheKindFollowsTheMix) {
  auto sum = one_set(vectors(8192, 1));
  CeilingLoop reads(moves(32768, 4), sum, 1);
  EXPECT_EQ(reads.kernel().substr(0, 5), "read ");
  EXPECT_NEAR(reads.scale(), 32772.0 / 32768.0, 1e-9);
  auto fill = one_set(vectors(1, 8192));
  EXPECT_EQ(CeilingLoop(moves(4, 32768), fill, 1).kernel().substr(0, 5), "write");
  // Two inputs and an output: the output begins again beside the second input.
  const Problem add = {{{"a", DType::kF32, {4096}}, {"b", DType::kF32, {4096}}},
                       {{"c", DType::kF32, {4096}}}};
  auto sets = one_set(add);
  CeilingLoop update(moves(32768, 16384), sets, 1);
  EXPECT_EQ(update.kernel().substr(0, 6), "update");
  EXPECT_NEAR(update.scale(), 49152.0 / (3 * 32768), 1e-9);
}

// A record as a worker returns it: two techniques on one thread and on two, each with a ceiling.
CaseResult planted(double one_ns, double two_ns) {
  CaseResult result;
  result.baseline = "plain";
  result.bytes_read = result.bytes_written = 1e6;
  result.medium = "memory";
  const auto row = [&](const char* name, const char* role, int threads) {
    TechniqueResult technique;
    technique.name = name;
    technique.role = role;
    technique.threads = threads;
    technique.outcome = Outcome::kOk;
    result.techniques.push_back(technique);
  };
  row("plain", "baseline", 1);
  row("shared", "technique", 2);
  row("ceiling", "ceiling", 1);
  row("ceiling_2_threads", "ceiling", 2);
  ProcessRecord process;
  const auto series = [&](const char* name, double ns, int rounds) {
    for (int i = 0; i < rounds; ++i) {
      // The machine slows down by half: all that run in a round do.
      const double now = ns * (1.0 + 0.5 * i / rounds) * (1.0 + 1e-3 * (i % 5));
      process.series[name].wall_ns.push_back(now);
      process.series[name].cpu_ns.push_back(now);
    }
  };
  series("plain", one_ns, 64);
  series("shared", two_ns, 64);
  series("ceiling", 1e5, 64);
  series("ceiling_2_threads", 6e4, 64);
  result.processes.push_back(process);
  return result;
}

Lab lab_of_two() {
  Lab lab;
  lab.baseline = "plain";
  for (const auto& [name, threads] : {std::pair{"plain", 1}, {"shared", 0}}) {
    Technique technique;
    technique.name = name;
    technique.threads = threads;
    lab.techniques.push_back(technique);
  }
  return lab;
}

TEST(Beside, TheFractionIsOfTheCeilingWithAsManyThreadsInTheSameRounds) {
  CaseResult result = planted(2e5, 6.6e4);
  judge_case(result, lab_of_two(), machine::Cpu{}, {}, {});
  const TechniqueResult &plain = result.techniques[0], &shared = result.techniques[1];
  EXPECT_EQ(plain.beside, "ceiling");
  EXPECT_NEAR(plain.beside_fraction.estimate, 0.5, 1e-6);
  EXPECT_LT(plain.beside_fraction.high - plain.beside_fraction.low, 0.001) << "paired by round";
  EXPECT_EQ(shared.beside, "ceiling_2_threads");
  EXPECT_NEAR(shared.beside_fraction.estimate, 10.0 / 11.0, 1e-6);
  EXPECT_TRUE(shared.labels.empty());
  EXPECT_EQ(result.techniques[2].beside, "") << "a ceiling is not measured with itself";
}

TEST(Beside, QuickerThanItsCeilingIsSaid) {
  for (const auto& [ns, said] : {std::pair{5.95e4, false}, {5.7e4, true}}) {
    CaseResult result = planted(2e5, ns);
    judge_case(result, lab_of_two(), machine::Cpu{}, {}, {});
    const auto& labels = result.techniques[1].labels;
    EXPECT_EQ(std::count(labels.begin(), labels.end(), "quicker than the ceiling beside it"), said);
  }
}

TEST(Beside, WithoutACeilingNothingIsSaid) {
  CaseResult result = planted(2e5, 5e4);
  std::erase_if(result.techniques, [](const auto& row) { return row.role == "ceiling"; });
  judge_case(result, lab_of_two(), machine::Cpu{}, {}, {});
  EXPECT_EQ(result.techniques[0].beside, "");
  EXPECT_EQ(to_json(result)["techniques"][0].count("beside"), 0u);
}

TEST(Beside, ARowForEachNumberOfThreadsThatCanRunHere) {
  machine::Cpu cpu;
  cpu.cores = 2;
  Lab lab = lab_of_two();
  EXPECT_EQ(describe_techniques(lab, {}, {}, cpu).size(), 2u);
  const auto rows = describe_techniques(lab, {}, {}, cpu, true);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[2].name, "ceiling");
  EXPECT_EQ(rows[3].name, "ceiling_2_threads");
  EXPECT_EQ(rows[3].threads, 2);
  lab.techniques[1].needs = [](const machine::Cpu&) { return "needs luck"; };
  EXPECT_EQ(describe_techniques(lab, {}, {}, cpu, true).size(), 3u);
}

}  // namespace
}  // namespace aisp::bench
