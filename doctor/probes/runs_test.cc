// Probes of runs, builds and tools, on a tree where they hold and on one where they fire.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "doctor/fake_evidence.h"
#include "doctor/probe.h"

namespace aisp::doctor {
namespace {

Finding ask(const std::string& id, const Evidence& evidence) {
  for (const Probe& probe : probes()) {
    if (id == probe.id) return probe.decide(evidence);
  }
  ADD_FAILURE() << "no probe " << id;
  return {};
}

struct Expected {
  const char* id;
  Verdict careless;   // on careless_host; on benchmark_host it is ok
  const char* words;  // in what it says there
};

constexpr Expected kExpected[] = {
    {"shared-workload-config", Verdict::kFail, "another amount of work"},
    {"aligned-inputs", Verdict::kFail, "other inputs"},
    {"throughput-and-latency", Verdict::kFail, "without"},
    {"outputs-validated", Verdict::kFail, "without a passed check"},
    {"one-benchmark-config", Verdict::kFail, "different margins"},
    {"fallback-paths", Verdict::kFail, "1 of them crashed"},
    {"benchmark-artifacts-archived", Verdict::kFail, "raw samples"},
    {"benchmark-workflow", Verdict::kFail, "validation"},
    {"run-environment-logged", Verdict::kFail, "aisp/git_commit, environment/affinity"},
    {"optimized-build", Verdict::kFail, "without optimisation"},
    {"honest-baselines", Verdict::kFail, "usleep()"},
    {"versioned-state", Verdict::kWarn, "2 files differ"},
    {"ci-performance-gate", Verdict::kWarn, "no step compares"},
    {"checkpoint-recovery", Verdict::kFail, "only one checkpoint"},
    {"spot-interruption-ready", Verdict::kFail, "1500 min old"},
    {"storage-same-zone", Verdict::kWarn, "eu-west-1"},
    {"tuning-caches-kept", Verdict::kWarn, "overlay"},
    {"tuning-cache-stale", Verdict::kWarn, "sm_80"},
    {"autotune-registry", Verdict::kWarn, "no tuned"},
    {"frameworks-current", Verdict::kWarn, "torch 2.1.2"},
};

std::unique_ptr<Evidence> tree(const char* name) {
  return recorded_evidence(fmt::format("{}/doctor/trees/{}", AISP_SOURCE_DIR, name));
}

TEST(RunProbes, HoldOnACarefulHost) {
  const auto evidence = tree("benchmark_host");
  for (const Expected& row : kExpected) {
    const Finding finding = ask(row.id, *evidence);
    EXPECT_EQ(finding.verdict, Verdict::kOk) << row.id << ": " << finding.says;
  }
}

TEST(RunProbes, FireOnACarelessOne) {
  const auto evidence = tree("careless_host");
  for (const Expected& row : kExpected) {
    const Finding finding = ask(row.id, *evidence);
    EXPECT_EQ(finding.verdict, row.careless) << row.id << ": " << finding.says;
    EXPECT_NE(finding.says.find(row.words), std::string::npos) << row.id << ": " << finding.says;
    EXPECT_FALSE(finding.evidence.empty()) << row.id;
  }
}

TEST(RunProbes, SayWhyTheyDoNotApplyToAnEmptyMachine) {
  const FakeEvidence nothing;
  for (const Expected& row : kExpected) {
    const Finding finding = ask(row.id, nothing);
    EXPECT_TRUE(finding.verdict == Verdict::kNotApplicable ||
                finding.verdict == Verdict::kCannotSee)
        << row.id << ": " << finding.says;
    EXPECT_FALSE(finding.says.empty()) << row.id;
  }
}

// Every file holds garbage: the verdict may be anything but a claim that all is well.
TEST(RunProbes, ClaimNothingFromGarbage) {
  const char* const kGarbage[] = {"",       "[]",  "null", "\xff\xfe", "{\"schema\": 7}",
                                  "-1e999", "{{{{"};
  for (const char* garbage : kGarbage) {
    FakeEvidence evidence;
    evidence.links["/proc/self/cwd"] = "/w";
    evidence.looked_at.build = "/w/build";
    for (const char* path : {"/w/artifacts/r/run.json", "/w/artifacts/r/results.jsonl",
                             "/w/build/CMakeCache.txt", "/w/build/compile_commands.json",
                             "/usr/lib/python3/site-packages/torch-9.dist-info/METADATA"}) {
      evidence.files[path] = garbage;
    }
    for (const Expected& row : kExpected) {
      const Finding finding = ask(row.id, evidence);
      EXPECT_NE(finding.verdict, Verdict::kOk)
          << row.id << " '" << garbage << "': " << finding.says;
    }
  }
}

TEST(RunProbes, TheNewestRunIsLookedAt) {
  FakeEvidence evidence;
  evidence.links["/proc/self/cwd"] = "/w";
  const auto header = [](const char* when) {
    return fmt::format(R"({{"schema": "aisp.run/1", "started_utc": "{}"}})", when);
  };
  evidence.files["/w/artifacts/a/run.json"] = header("2026-02-01T00:00:00Z");
  evidence.files["/w/artifacts/b/run.json"] = header("2026-01-01T00:00:00Z");
  EXPECT_EQ(ask("run-environment-logged", evidence).evidence.at(0).source,
            "/w/artifacts/a/run.json");
  evidence.looked_at.run = "artifacts/b";
  EXPECT_EQ(ask("run-environment-logged", evidence).evidence.at(0).source,
            "/w/artifacts/b/run.json");
}

TEST(RunProbes, ATruncatedRecordIsSeenAsDamaged) {
  FakeEvidence evidence;
  evidence.looked_at.run = "/r";
  evidence.files["/r/run.json"] = R"({"schema": "aisp.run/1"})";
  evidence.files["/r/results.jsonl"] = "{\"schema\": \"aisp.result/1\", \"lab\": \n{\"torn";
  const Finding finding = ask("outputs-validated", evidence);
  EXPECT_EQ(finding.verdict, Verdict::kCannotSee);
  EXPECT_NE(finding.says.find("results.jsonl:1"), std::string::npos) << finding.says;
}

TEST(RunProbes, ObjectFilesShowWhatMacrosHide) {
  FakeEvidence evidence;
  const auto careful = tree("benchmark_host");
  const std::string run = "/srv/project/artifacts/20261101-080000-1";
  for (const char* file : {"/run.json", "/results.jsonl"}) {
    evidence.files[run + file] = careful->read_record(run + file).value;
  }
  evidence.looked_at.run = run;
  evidence.looked_at.build = "/b";
  const std::string object =
      "/b/CMakeFiles/aisp_labs.dir/labs/ch07_memory_access/transpose/row_walk.cc.o";
  evidence.files[object] = "ELF";
  evidence.commands["nm -A --undefined-only " + object] = {
      object + ":                 U memcpy@GLIBC_2.14\n" + object +
          ":                 U nanosleep\n",
      0};
  const Finding finding = ask("honest-baselines", evidence);
  EXPECT_EQ(finding.verdict, Verdict::kFail);
  EXPECT_NE(finding.says.find("nanosleep"), std::string::npos) << finding.says;
}

TEST(RunProbes, ADisabledCompileCacheIsSeen) {
  FakeEvidence evidence;
  evidence.environment["CUDA_CACHE_DISABLE"] = "1";
  EXPECT_EQ(ask("tuning-caches-kept", evidence).verdict, Verdict::kWarn);
}

TEST(RunProbes, AJobWithoutRestartIsSeen) {
  FakeEvidence evidence;
  evidence.looked_at.checkpoints = "/c";
  evidence.looked_at.pid = 7;
  evidence.files["/proc/7/cmdline"] = "torchrun\n--max-restarts=0\ntrain.py";
  evidence.commands["date +%s"] = {"1000", 0};
  evidence.commands["find -L /c -maxdepth 3 -type f -printf %T@ %s %P\\n"] = {
      "990.0 5 b/x\n900.0 5 a/x\n990 1 manifest.json", 0};
  EXPECT_NE(ask("checkpoint-recovery", evidence).says.find("nothing restarts"), std::string::npos);
  evidence.files["/proc/7/cmdline"] = "torchrun\n--max-restarts=3\ntrain.py";
  EXPECT_EQ(ask("checkpoint-recovery", evidence).verdict, Verdict::kOk);
}

}  // namespace
}  // namespace aisp::doctor
