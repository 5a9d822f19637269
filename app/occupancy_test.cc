// `aisp tools occupancy-tuning`: scores from a planted record, the list through the real binary.
#include <cmath>

#include "app/cmd_occupancy.h"
#include "app/program_fixture.h"

namespace aisp::app {
namespace {

bench::TechniqueResult point(const std::string& name, double time_ns, double ratio) {
  bench::TechniqueResult row;
  row.name = name;
  row.outcome = bench::Outcome::kOk;
  row.time_ns = {time_ns, time_ns, time_ns};
  row.pair.ratio = {ratio, ratio * 0.99, ratio * 1.01};
  row.pair.verdict = bench::verdict_of(row.pair.ratio, 0.005);
  return row;
}

const tune::Tunable kKernel{.name = "k",
                            .summary = "one",
                            .lab = "ch:l",
                            .case_name = "c",
                            .shipped = 0,
                            .points = {{.knobs = {{"threads", 64}}},
                                       {.knobs = {{"threads", 128}}},
                                       {.knobs = {{"threads", 256}}},
                                       {.knobs = {{"threads", 512}}}}};

bench::CaseResult planted() {
  bench::CaseResult result;
  result.techniques = {point("threads_64", 100, 1.0), point("threads_128", 50, 0.5),
                       point("threads_256", 80, 0.8), point("threads_512", 0, 1.0)};
  result.techniques[3].outcome = bench::Outcome::kWrong;
  result.techniques[3].reason = "element 3";
  return result;
}

TEST(OccupancyScores, TheQuickestComesFirstAndTheWrongLast) {
  const std::vector<tune::Occupancy> api = {
      {.threads = 64, .registers = 40, .blocks = 16, .share = 0.5},
      {.threads = 128, .registers = 80, .blocks = 4, .share = 0.25},
      {.threads = 256, .registers = 32, .blocks = 8, .share = 1.0},
      {.threads = 512, .registers = 32, .blocks = 4, .share = 1.0}};
  const auto scores = scores_of(kKernel, planted(), api);
  ASSERT_EQ(scores.size(), 4u);
  EXPECT_EQ(scores[0].point, "threads_128");
  EXPECT_DOUBLE_EQ(scores[0].of_best, 1.0);
  EXPECT_EQ(scores[1].point, "threads_256");
  EXPECT_NEAR(scores[1].of_best, 0.625, 1e-9);
  EXPECT_TRUE(scores[2].shipped);
  EXPECT_TRUE(std::isnan(scores[3].time_ns));
  EXPECT_EQ(scores[3].verdict, "wrong: element 3");
  const std::string text = render_scores(kKernel, scores);
  for (const char* part :
       {"The occupancy API's limit: 100 % (best of those points: threads_256)",
        "Measured optimum: threads_128 at 25.0 %, 62.5 % the time of the fullest", "shipped",
        "wrong: element 3", "faster 2.00x"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(OccupancyScores, NothingTimedIsNoConclusion) {
  bench::CaseResult result = planted();
  for (auto& row : result.techniques) {
    row.outcome = bench::Outcome::kFailed;
    row.reason = "no memory";
  }
  const auto scores = scores_of(kKernel, result, {});
  EXPECT_EQ(scores.size(), 4u);
  EXPECT_EQ(render_scores(kKernel, scores).find("optimum"), std::string::npos);
}

TEST_F(Program, OccupancyTuningListsItsKernels) {
  const Ended list = run({"tools", "occupancy-tuning", "--list"});
  EXPECT_EQ(list.code, 0) << list.text;
  for (const tune::Tunable& one : tune::tunables()) {
    EXPECT_NE(list.text.find(one.name + " "), std::string::npos) << list.text;
  }
  if (!machine::cuda_device().why_not.empty()) {
    EXPECT_NE(list.text.find("not here: "), std::string::npos) << list.text;
    const Ended ended = run({"tools", "occupancy-tuning"});  // nothing to measure: the same list
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(ended.text, list.text);
  }
  const auto json = bench::Json::parse(run({"tools", "occupancy-tuning", "--list", "--json"}).text);
  EXPECT_EQ(json["kernels"].size(), tune::tunables().size());
  const Ended unknown = run({"tools", "occupancy-tuning", "--kernels", "swigl"});
  EXPECT_EQ(unknown.code, 4);
  EXPECT_NE(unknown.text.find("did you mean swiglu?"), std::string::npos) << unknown.text;
}

}  // namespace
}  // namespace aisp::app
