// An accusation by time needs two processes; every other one needs only the first.
#include "bench/confirm.h"

#include <gtest/gtest.h>

namespace aisp::bench {
namespace {

Job job_of(std::vector<std::string> techniques) {
  Job job;
  job.lab = "ch00:lab";
  job.techniques = std::move(techniques);
  job.seed = 1;
  return job;
}

// A supervisor that answers from a script and remembers the jobs it was given.
struct Script {
  std::vector<JobOutcome> answers;
  std::vector<Job> jobs;
  JobOutcome operator()(const Job& job) {
    jobs.push_back(job);
    JobOutcome answer = answers.at(jobs.size() - 1);
    answer.process.emplace();
    for (const std::string& name : job.techniques) answer.findings[name].outputs_checked = 2;
    return answer;
  }
};

JobOutcome accusing(const std::string& technique, const std::string& detector) {
  JobOutcome outcome;
  outcome.events.push_back({technique, Outcome::kWrong, detector, "because", ""});
  return outcome;
}

std::vector<JobOutcome> run(Script& script, const Job& job) {
  return run_confirmed(
      job, [&](const Job& one) { return script(one); }, 99);
}

TEST(Confirm, OneProcessWhereNobodyIsSuspectedByTime) {
  Script script{{accusing("fused", "output")}, {}};
  const auto outcomes = run(script, job_of({"base", "fused"}));
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].events.size(), 1u);
}

TEST(Confirm, ASuspectIsClearedByASecondProcess) {
  Script script{{accusing("fused", "repeat"), {}}, {}};
  const auto outcomes = run(script, job_of({"base", "tiled", "fused"}));
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(script.jobs[1].techniques, (std::vector<std::string>{"base", "fused"}));
  EXPECT_EQ(script.jobs[1].seed, 99u);
  EXPECT_TRUE(outcomes[0].events.empty());
  EXPECT_EQ(outcomes[0].findings.count("fused"), 0u) << "its first process does not count";
  EXPECT_EQ(outcomes[0].findings.count("tiled"), 1u);
  EXPECT_TRUE(outcomes[1].events.empty());
  ASSERT_EQ(outcomes[1].notes.size(), 1u);
  EXPECT_NE(outcomes[1].notes[0].find("cleared"), std::string::npos);
}

TEST(Confirm, ACheatIsAccusedTwice) {
  Script script{{accusing("fused", "repeat"), accusing("fused", "repeat")}, {}};
  const auto outcomes = run(script, job_of({"base", "fused"}));
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_TRUE(outcomes[0].events.empty());
  ASSERT_EQ(outcomes[1].events.size(), 1u);
  EXPECT_EQ(outcomes[1].events[0].detector, "repeat");
  EXPECT_TRUE(outcomes[1].notes.empty());
}

TEST(Confirm, ASuspectBaselineMeansAllAgain) {
  Script script{{accusing("base", "clock"), {}}, {}};
  const auto outcomes = run(script, job_of({"base", "tiled", "fused"}));
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(script.jobs[1].techniques.size(), 3u);
  EXPECT_TRUE(outcomes[0].events.empty());
}

TEST(Confirm, OtherAccusationsOfTheFirstProcessStand) {
  JobOutcome first = accusing("fused", "repeat");
  first.events.push_back({"tiled", Outcome::kWrong, "output", "because", ""});
  Script script{{first, {}}, {}};
  const auto outcomes = run(script, job_of({"base", "tiled", "fused"}));
  ASSERT_EQ(outcomes.size(), 2u);
  ASSERT_EQ(outcomes[0].events.size(), 1u);
  EXPECT_EQ(outcomes[0].events[0].technique, "tiled");
}

}  // namespace
}  // namespace aisp::bench
