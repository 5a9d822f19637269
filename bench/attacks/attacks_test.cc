// Runs the real program on every planted attack, twice. With all protections on, the cheat must be
// caught by the protection that the table names, have no time, and leave its honest twin and the
// baseline alone. With that protection off, it must pass: so the first half can fail, and nothing
// else protects by accident. Attacks on a GPU: bench/device_attacks.
#include <gtest/gtest.h>

#include <set>

#include "bench/attacks/attack_fixture.h"
#include "bench/checks.h"
#include "bench/device_attacks/rows.h"
#include "bench/lab_table.h"

namespace aisp::bench {
namespace {

const Words kNoProfile = {"--profile", "none"};

const std::vector<Row>& rows() {
  constexpr Outcome kFailed = Outcome::kFailed;
  static const std::vector<Row> all = {
      {"fewer_elements", "output"},
      {"skipped_rows", "output"},
      {"nan_output", "nonfinite"},
      {"bf16_inputs", "precision"},
      {"f16_inputs", "precision"},
      {"leftover_output", "poison"},
      {"counts_calls", "timed-output"},
      {"truncated_tail", "ragged"},
      {"hard_coded_shape", "ragged"},
      {"known_seed", "fresh-seed"},
      {"replay_pointer", "fresh-contents"},
      {"replay_sample", "near-copy"},
      {"replay_contents", "repeat"},
      {"once_per_epoch", "repeat"},
      {"fewer_calls", "repeat"},
      {"works_when_poisoned", "repeat"},
      {"hidden_thread", "repeat"},
      // Several calls an epoch however slow the hand-over is: a single one waits.
      {"late_thread", "late-write", Outcome::kWrong, {"--profile", "none", "--iterations", "8"}},
      {"input_in_place", "inputs"},
      {"input_as_scratch", "inputs"},
      {"remapped_output", "alias"},
      {"writes_before", "canary"},
      {"writes_before_later", "canary"},
      {"constant_inputs", "input-data", kFailed, kNoProfile, true},
      {"over_declared", "declared-work", kFailed},
      {"beyond_ceiling", "ceiling", Outcome::kImpossible, {"--profile", "roofline"}, true},
      {"patched_clock", "clock", kFailed},
      {"patched_clock_later", "clock", kFailed},
      {"turned_counter", "clock", kFailed},
      {"turned_counter_threads", "clock", kFailed},
      {"leaves_thread", "threads", kFailed},
      {"pins_process", "affinity", kFailed},
      {"lowers_priority", "priority", kFailed},
      {"flush_to_zero", "fp-mode", kFailed},
      {"flush_to_zero_later", "fp-mode", kFailed},
      {"dirty_uppers", "vector-state", kFailed},
      {"lazy_handler", "signals", kFailed},
      {"leaks_memory", "leak", kFailed},
      {"leaks_descriptors", "descriptors", kFailed},
      {"hangs", "time-limit", kFailed, {"--profile", "none", "--time-limit", "2"}, false, "hangs"},
      {"allocates_endlessly",
       "memory-limit",
       kFailed,
       {"--profile", "none", "--memory-limit", "1"}},
      {"crashes", "isolation", kFailed, kNoProfile, false, "dies"},
      {"aborts", "isolation", kFailed, kNoProfile, false, "dies"},
      {"exits", "isolation", kFailed, kNoProfile, false, "ends early"},
      {"writes_past_end", "isolation", kFailed, kNoProfile, false, "dies"},
      {"signals_parent", "signal-others", kFailed},
      {"forges_results", "private-channel", kFailed},
  };
  return all;
}

class Attacks : public AttackFixture, public testing::WithParamInterface<Row> {};

TEST_P(Attacks, IsCaughtAndItsTwinIsNot) { expect_caught(AISP_ATTACKS, "attacks", GetParam()); }

TEST_P(Attacks, PassesWithoutTheCheck) { expect_passes(AISP_ATTACKS, "attacks", GetParam()); }

INSTANTIATE_TEST_SUITE_P(Planted, Attacks, testing::ValuesIn(rows()),
                         [](const auto& info) { return std::string(info.param.attack); });

TEST(AttackTable, EveryCheckHasAnAttack) {
  std::set<std::string> covered;
  for (const Row& row : rows()) covered.insert(row.check);
  for (const Row& row : device_rows()) covered.insert(row.check);
  for (const CheckInfo& check : all_checks()) {
    EXPECT_EQ(covered.count(check.name), 1u) << "no planted attack for " << check.name;
  }
}

TEST(AttackTable, EveryAttackIsInTheTable) {
  std::set<std::string> listed, built;
  for (const Row& row : rows()) EXPECT_TRUE(listed.insert(row.attack).second) << row.attack;
  for (const LabEntry& lab : load_lab_module(AISP_ATTACKS)) built.insert(lab.name);
  EXPECT_EQ(listed, built);
}

// The short form of honest_runs.sh: 30 runs of twins and baselines, nobody accused.
TEST(HonestRuns, AccuseNobody) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have crash handlers, clocks and memory of their own";
#endif
  const std::string command = std::string("AISP=" AISP_BINARY " ATTACKS=" AISP_ATTACKS " ") +
                              AISP_HONEST_RUNS +
                              " -n 30 -t 'attacks:i*,attacks:r*,attacks:s*,attacks:w*,attacks:o*'";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

}  // namespace
}  // namespace aisp::bench
