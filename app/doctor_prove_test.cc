// Proofs find what was planted and nothing else: the side as it is gets a fault of a known kind,
// large enough for a busy machine with two cores; then both sides are alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <set>

#include "app/program_fixture.h"
#include "base/error.h"
#include "bench/record.h"
#include "doctor/checklist.h"
#include "doctor/proofs/process_group.h"
#include "doctor/proofs/process_settings.h"
#include "doctor/proofs/workload.h"
#include "doctor/prove.h"

namespace aisp::doctor {
namespace {

struct Plant {
  const char* id;
  Side planted;  // over the side as it is
  Words both = {};
  std::string (*needs)() = nullptr;
};
void PrintTo(const Plant& plant, std::ostream* out) { *out << plant.id; }

// The least effect that must be seen of every plant.
constexpr double kAtLeast = 1.3;

ProveOptions quick() {
  ProveOptions options;
  options.program = AISP_BINARY;
  options.processes = 1;
  options.budget_s = 0.8;
  options.seed = 11;
  return options;
}

std::string no_openblas() { return find_proof("vendor-libraries")->needs(); }
std::string no_prescott() {
#if defined(__x86_64__)
  return no_openblas();
#else
  return "Prescott is an x86 core type";
#endif
}

// Each with the remedy as the table has it, but for what the plant names.
const Plant kPlants[] = {
    {"vendor-libraries",
     {"OpenBLAS told it is a Prescott", {}, {}, {{"OPENBLAS_CORETYPE", "PRESCOTT"}}},
     {},
     no_prescott},
    {"thread-count-variables",
     {"16 threads for each of 2 cores", {}, {}, {{"OMP_NUM_THREADS", "32"}}},
     {{"work", "32000"}}},
    {"container-cpu-quota",
     {"a quota of a twentieth of a core", {}, {{"cpu_quota", "0.05"}}},
     {{"threads", "2"}, {"steps", "24"}},
     why_no_quota},
    {"block-readahead",
     {"no read-ahead at all", {{"advice", "random"}}},
     {{"block", "4K"}, {"bytes", "2M"}}},
    {"tcp-buffer-limits", {"buffers of 4 KiB", {{"buffer", "4096"}}}, {{"bytes", "1M"}}},
    {"transparent-hugepages",
     {"small pages", {{"pages", "small"}}},
     {},
     [] { return find_proof("transparent-hugepages")->needs(); }},
    {"preallocated-tensors", {"fresh tensors in every step"}},
    {"page-cache-residency", {"read from storage every time"}},
    {"small-files-census", {"a file for each sample"}},
    {"binary-formats", {"text"}},
    {"checkpoint-log-overhead", {"a synced line in every step"}, {{"work", "1000"}}},
    {"dynamic-batching", {"one request at a time"}},
    {"binary-rpc", {"JSON"}},
    {"persistent-kernels", {"threads made for every step"}, {{"threads", "8"}}},
};

class Planted : public testing::TestWithParam<Plant> {};

TEST_P(Planted, IsFound) {
  const Plant& plant = GetParam();
  if (plant.needs != nullptr && !plant.needs().empty()) GTEST_SKIP() << plant.needs();
  const Proof* const proof = find_proof(plant.id);
  ASSERT_NE(proof, nullptr);
  ProveOptions options = quick();
  options.planted = plant.planted;
  options.both = plant.both;
  // A second is enough, but on a machine where an epoch takes seconds: there it may take longer to
  // tell. It may never tell anything else.
  Proved proved = prove(*proof, options);
  for (const double longer_s : {6.0, 60.0}) {
    if (proved.word != "inconclusive") break;
    options.budget_s = longer_s;
    proved = prove(*proof, options);
  }
  EXPECT_EQ(proved.word, "faster") << proved.says;
  const auto& ratio = proved.row.techniques.at(1).pair.ratio;
  EXPECT_LT(ratio.estimate, 1.0 / kAtLeast) << proved.says;
}

std::string name_of(const testing::TestParamInfo<Plant>& info) {
  std::string name = info.param.id;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Proofs, Planted, testing::ValuesIn(kPlants), name_of);

// Both sides alike: no effect, or not enough to tell; never a winner. Workloads of every room.
class Alike : public testing::TestWithParam<const char*> {};

TEST_P(Alike, HasNoWinner) {
  const Proof* const proof = find_proof(GetParam());
  ASSERT_NE(proof, nullptr);
  if (proof->needs != nullptr && !proof->needs().empty()) GTEST_SKIP() << proof->needs();
  ProveOptions options = quick();
  options.alike = true;
  options.processes = 3;
  const Proved proved = prove(*proof, options);
  EXPECT_TRUE(proved.word == "no effect" || proved.word == "inconclusive")
      << proved.word << ": " << proved.says;
}
INSTANTIATE_TEST_SUITE_P(Proofs, Alike,
                         testing::Values("vendor-libraries", "binary-formats", "small-files-census",
                                         "dynamic-batching"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Every row of the table is of the checklist, and both of its sides run here or say why not.
TEST(ProofTable, EveryRowStandsInTheChecklist) {
  EXPECT_GE(proofs().size(), 30u);
  std::set<std::string> seen;
  for (const Proof& one : proofs()) {
    EXPECT_NE(find_item(one.id), nullptr) << one.id;
    EXPECT_TRUE(seen.insert(one.id).second) << one.id << " twice";
    EXPECT_TRUE(one.question.ends_with("?")) << one.id;
    EXPECT_FALSE(one.as_it_is.says.empty() || one.remedy.says.empty()) << one.id;
  }
}

TEST(Workloads, RefuseWhatTheyDoNotKnow) {
  EXPECT_THROW(make_workload("no-such", Arguments({}, "/tmp")), Error);
  EXPECT_THROW(make_workload("touch", Arguments({{"bytes", "1M"}, {"typo", "1"}}, "/tmp")), Error);
  EXPECT_THROW(make_workload("touch", Arguments({{"bytes", "many"}}, "/tmp")), Error);
  EXPECT_THROW(make_workload("touch", Arguments({{"bytes", "1Q"}}, "/tmp")), Error);
  EXPECT_THROW(make_workload("touch", Arguments({{"pages", "odd"}}, "/tmp")), Error);
  EXPECT_THROW(make_workload("stream", Arguments({}, "/nowhere")), Error);
  EXPECT_NE(why_not_allowed({{"cpus", "8000"}}), "");
  EXPECT_NE(why_not_allowed({{"no-such", "1"}}), "");
  EXPECT_EQ(why_not_allowed({{"thp", "never"}, {"nice", "5"}, {"timer_slack", "1000"}}), "");
}

TEST(Proving, SidesOfUnequalWorkAreNotCompared) {
  ProveOptions options = quick();
  options.planted = {"half of the numbers", {{"numbers", "10000"}}, {}, {}};
  const Proved proved = prove(*find_proof("binary-formats"), options);
  EXPECT_EQ(proved.word, "failed");
  EXPECT_NE(proved.says.find("different amounts of work"), std::string::npos) << proved.says;
}

TEST(Proving, AWorkerThatCannotDoItsWorkIsAFailure) {
  ProveOptions options = quick();
  options.planted = {"malformed", {{"bytes", "many"}}, {}, {}};
  const Proved wrong = prove(*find_proof("preallocated-tensors"), options);
  EXPECT_EQ(wrong.word, "failed");
  EXPECT_NE(wrong.says.find("many"), std::string::npos) << wrong.says;
  options = quick();
  options.program = "/bin/false";
  EXPECT_EQ(prove(*find_proof("binary-formats"), options).word, "failed");
}

class DoctorProve : public Program {};

TEST_F(DoctorProve, PrintsTheVerdictAndRecordsIt) {
  const Ended ended = run({"doctor", "--prove", "binary-formats", "--prove-budget", "0.5",
                           "--prove-processes", "1", "--out", folder_ + "/out"});
  EXPECT_EQ(ended.code, 0) << ended.text;
  EXPECT_NE(ended.text.find("faster by"), std::string::npos) << ended.text;
  const bench::RunRecord record = bench::read_run(folder_ + "/out");
  ASSERT_EQ(record.results.size(), 1u);
  EXPECT_EQ(record.results[0].lab, "doctor:binary-formats");
  EXPECT_EQ(record.results[0].techniques[1].name, "with_remedy");
  EXPECT_EQ(run({"report", folder_ + "/out", "--md"}).code, 0);
}

TEST_F(DoctorProve, NamesThatHaveNoProofAreNamed) {
  const Ended ended = run({"doctor", "--prove", "binary-format"});
  EXPECT_EQ(ended.code, 4);
  EXPECT_NE(ended.text.find("binary-formats"), std::string::npos) << ended.text;
  EXPECT_EQ(run({"doctor", "--apply", "swap-of"}).code, 4);
  EXPECT_EQ(run({"doctor", "--undo", folder_ + "/none.json"}).code, 4);
  EXPECT_EQ(run({"doctor", "--undo", "x", "--apply", "swap-off"}).code, 4);
}

}  // namespace
}  // namespace aisp::doctor
