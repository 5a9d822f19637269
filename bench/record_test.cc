// The record: nothing is lost or invented between memory, JSON and disk; every damage is one clear
// error; a full disk, a killed writer and a second writer leave earlier results readable.
#include "bench/record.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "bench/record_sample.h"

namespace aisp::bench {
namespace {

namespace fs = std::filesystem;

class RecordTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "aisp_record_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string lines_path() const { return folder_ + "/results.jsonl"; }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/" + name, std::ios::binary).rdbuf();
    return text.str();
  }
  /// A run folder with these lines as they are.
  void write_run(const std::string& lines) const {
    write("run.json", sample::header().dump());
    write("results.jsonl", lines);
  }

  std::string folder_;
};

std::string line(const CaseResult& result) { return to_json(result).dump() + "\n"; }

/// The message of the Error that `body` throws; "" when it throws none.
template <class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& problem) {
    return problem.what();
  }
  return "";
}

void expect_one_clear_line(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(RecordJson, RoundTripKeepsEveryField) {
  for (const CaseResult& result : sample::run().results) {
    const Json json = to_json(result);
    const CaseResult back = case_from_json(Json::parse(json.dump()), "test");
    EXPECT_EQ(to_json(back).dump(), json.dump());
    EXPECT_EQ(back.key(), result.key());
    ASSERT_EQ(back.techniques.size(), result.techniques.size());
    for (std::size_t i = 0; i < back.techniques.size(); ++i) {
      EXPECT_EQ(back.techniques[i].outcome, result.techniques[i].outcome);
      EXPECT_EQ(back.techniques[i].reason, result.techniques[i].reason);
      EXPECT_EQ(back.techniques[i].labels, result.techniques[i].labels);
      EXPECT_EQ(back.techniques[i].pair.clock, result.techniques[i].pair.clock);
    }
    ASSERT_EQ(back.processes.size(), result.processes.size());
    for (std::size_t i = 0; i < back.processes.size(); ++i) {
      EXPECT_EQ(back.processes[i].seed, result.processes[i].seed);
      for (const auto& [name, series] : result.processes[i].series) {
        EXPECT_EQ(back.processes[i].series.at(name).wall_ns, series.wall_ns);
        EXPECT_EQ(back.processes[i].series.at(name).cpu_ns, series.cpu_ns);
        EXPECT_EQ(back.processes[i].series.at(name).iterations, series.iterations);
      }
    }
  }
}

TEST(RecordJson, OpenIntervalsSurvive) {
  const CaseResult result = sample::softmax_case("smoke");
  const CaseResult back = case_from_json(to_json(result), "test");
  const Interval& ratio = back.techniques[3].pair.ratio;
  EXPECT_EQ(to_json(result)["techniques"][3]["pair"]["ratio"]["high"], nullptr);
  EXPECT_TRUE(std::isinf(ratio.high));
  EXPECT_EQ(ratio.low, 0.0);
}

TEST(RecordJson, TheCeilingBesideSurvives) {
  CaseResult result = sample::transpose_case();
  sample::add_ceiling(result);
  const CaseResult back = case_from_json(Json::parse(to_json(result).dump()), "test");
  EXPECT_EQ(back.techniques[1].beside, "ceiling");
  EXPECT_EQ(back.techniques[1].beside_fraction.estimate, 0.9);
  EXPECT_EQ(back.techniques[1].beside_fraction.low, 0.88);
  EXPECT_EQ(back.techniques[0].beside, "");
  EXPECT_EQ(back.techniques.back().role, "ceiling");
}

TEST(RecordJson, AbsentNumbersSurvive) {
  CaseResult result = sample::transpose_case();
  TechniqueResult& t = result.techniques[1];
  t.p99_ns = t.gflop_per_s = t.ceiling_fraction = std::nan("");
  const CaseResult back = case_from_json(Json::parse(to_json(result).dump()), "test");
  EXPECT_TRUE(std::isnan(back.techniques[1].p99_ns));
  EXPECT_TRUE(std::isnan(back.techniques[1].ceiling_fraction));
}

TEST(RecordJson, WhatIsWrongHasNoTime) {
  const Json json = to_json(sample::gemm_case());
  for (const auto& technique : json["techniques"]) {
    const bool timed = technique["outcome"] == "ok" || technique["outcome"] == "noisy";
    EXPECT_EQ(technique.contains("time_ns"), timed) << technique["name"];
  }
}

TEST(RecordJson, EveryMissingFieldIsAnError) {
  const Json whole = to_json(sample::transpose_case());
  for (const auto& [key, value] : whole.items()) {
    Json broken = whole;
    broken.erase(key);
    // Records older than cases on a GPU have no device: they are the CPU's.
    const bool needed = key != "device";
    EXPECT_EQ(error_of([&] { case_from_json(broken, "file:7"); }) != "", needed) << key;
  }
  for (const auto& [key, value] : whole["techniques"][0].items()) {
    Json broken = whole;
    broken["techniques"][0].erase(key);
    expect_one_clear_line(error_of([&] { case_from_json(broken, "file:7"); }), "file:7");
  }
}

TEST(RecordJson, UnknownWordsAreErrors) {
  const Json whole = to_json(sample::transpose_case());
  for (const char* path :
       {"/techniques/0/outcome", "/techniques/0/pair/verdict", "/techniques/0/pair/clock"}) {
    Json broken = whole;
    broken[Json::json_pointer(path)] = "splendid";
    const std::string message = error_of([&] { case_from_json(broken, "file:7"); });
    expect_one_clear_line(message, "file:7: unknown word \"splendid\"");
  }
}

TEST_F(RecordTest, WriterAndReaderAgree) {
  const RunRecord run = sample::run();
  {
    RunWriter writer(folder_, run.header, false);
    for (const auto& result : run.results) writer.append(result);
  }
  for (const std::string& path : {folder_, folder_ + "/", folder_ + "/run.json"}) {
    const RunRecord back = read_run(path);
    EXPECT_EQ(back.header, run.header);
    EXPECT_EQ(back.torn_lines, 0u);
    ASSERT_EQ(back.results.size(), run.results.size());
    for (std::size_t i = 0; i < back.results.size(); ++i) {
      EXPECT_EQ(line(back.results[i]), line(run.results[i]));
    }
  }
}

TEST_F(RecordTest, ArbitraryBytesOfADeadWorkerDoNotBreakTheLine) {
  CaseResult result = sample::gemm_case();
  result.techniques[8].last_output = std::string("\xFF\xFE\0 raw \n\x1b[31m", 12);
  {
    RunWriter writer(folder_, sample::header(), false);
    writer.append(result);
  }
  const RunRecord back = read_run(folder_);
  ASSERT_EQ(back.results.size(), 1u);
  EXPECT_NE(back.results[0].techniques[8].last_output.find("raw"), std::string::npos);
}

TEST_F(RecordTest, ATornLastLineIsLeftOut) {
  const std::string one = line(sample::gemm_case()), two = line(sample::transpose_case());
  for (const std::size_t kept : {std::size_t{1}, two.size() / 2, two.size() - 1}) {
    write_run(one + two.substr(0, kept));
    const RunRecord run = read_run(folder_);
    EXPECT_EQ(run.results.size(), 1u);
    EXPECT_EQ(run.torn_lines, 1u);
  }
}

TEST_F(RecordTest, ABrokenLineInTheMiddleIsNamed) {
  const std::string one = line(sample::gemm_case()), two = line(sample::transpose_case());
  for (const std::string& damage : {std::string("{\"lab\": \n"), std::string("\n"),
                                    std::string("[]\n"), one.substr(0, 200) + "\n"}) {
    write_run(one + damage + two);
    expect_one_clear_line(error_of([&] { read_run(folder_); }), "results.jsonl:2");
  }
}

TEST_F(RecordTest, AnotherSchemaVersionIsAnError) {
  Json other = to_json(sample::gemm_case());
  other["schema"] = "aisp.result/999";
  write_run(line(sample::transpose_case()) + other.dump() + "\n");
  expect_one_clear_line(error_of([&] { read_run(folder_); }), "aisp.result/999");
  for (const Json& schema : {Json("aisp.run/2"), Json(1), Json(nullptr)}) {
    Json header = sample::header();
    header["schema"] = schema;
    write("run.json", header.dump());
    expect_one_clear_line(error_of([&] { read_run(folder_); }), "run.json");
  }
  write("run.json", "{ not json");
  expect_one_clear_line(error_of([&] { read_run(folder_); }), "run.json");
}

TEST_F(RecordTest, AMissingRunSaysWhereRunsComeFrom) {
  expect_one_clear_line(error_of([&] { read_run(folder_ + "/nowhere"); }), "aisp bench run");
  expect_one_clear_line(error_of([&] { read_run(folder_); }), "run.json");
}

TEST_F(RecordTest, TheLastLineOfAKeyWins) {
  CaseResult again = sample::gemm_case();
  again.seconds = 77.0;
  write_run(line(sample::gemm_case()) + line(sample::transpose_case()) + line(again));
  const RunRecord run = read_run(folder_);
  ASSERT_EQ(run.results.size(), 2u);
  EXPECT_EQ(run.results[0].lab, "ch01:gemm");
  EXPECT_EQ(run.results[0].seconds, 77.0);
}

TEST_F(RecordTest, ASecondWriterIsRefused) {
  const RunWriter first(folder_, sample::header(), false);
  for (const bool resume : {false, true}) {
    expect_one_clear_line(error_of([&] { RunWriter(folder_, sample::header(), resume); }),
                          "another run is writing here");
  }
}

TEST_F(RecordTest, AFinishedRunIsNotOverwritten) {
  { RunWriter(folder_, sample::header(), false).append(sample::gemm_case()); }
  expect_one_clear_line(error_of([&] { RunWriter(folder_, sample::header(), false); }), "--resume");
  EXPECT_EQ(read_run(folder_).results.size(), 1u);
}

TEST_F(RecordTest, ResumeCutsATornLineAndKeepsTheHeader) {
  write_run(line(sample::gemm_case()) + "{\"schema\": \"aisp.res");
  Json other = sample::header();
  other["run_id"] = "another";
  { RunWriter(folder_, other, true).append(sample::transpose_case()); }
  const RunRecord run = read_run(folder_);
  EXPECT_EQ(run.torn_lines, 0u);
  ASSERT_EQ(run.results.size(), 2u);
  EXPECT_EQ(run.header["run_id"], sample::header()["run_id"]);
}

TEST_F(RecordTest, ResumeRefusesAnotherVersion) {
  write("run.json", "{\"schema\": \"aisp.run/0\"}");
  expect_one_clear_line(error_of([&] { RunWriter(folder_, sample::header(), true); }),
                        "aisp.run/1");
}

TEST_F(RecordTest, AFolderThatCannotBeWrittenIsOneClearLine) {
  write("file", "");
  expect_one_clear_line(
      error_of([&] { RunWriter(folder_ + "/file/run", sample::header(), false); }), "--out");
}

// A limit on the size of files stands in for a full disk: the write comes back short, then fails.
// In a process of its own, since the limit would hold for the whole test binary.
TEST_F(RecordTest, AFullDiskIsOneClearLineAndEarlierResultsStay) {
  const CaseResult small = sample::softmax_case("smoke"), large = sample::gemm_case();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::string message;
    bool earlier_kept = false;
    {
      RunWriter writer(folder_, sample::header(), false);
      writer.append(small);
      signal(SIGXFSZ, SIG_IGN);
      const rlim_t room = line(small).size() + line(large).size() / 2;
      const rlimit limit{room, room};
      if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
      message = error_of([&] { writer.append(large); });
      earlier_kept = fs::file_size(lines_path()) == line(small).size();
      // The page of the report must not appear half-written either.
      const std::string page(room * 2, 'x');
      if (error_of([&] { write_file_atomically(folder_ + "/page", page); }).empty()) _exit(3);
      if (fs::exists(folder_ + "/page")) _exit(4);
      // What still fits is still taken.
      writer.append(small);
    }
    const bool clear = message.find("results.jsonl") != std::string::npos &&
                       message.find("free some space") != std::string::npos &&
                       message.find('\n') == std::string::npos;
    _exit(clear && earlier_kept ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const RunRecord run = read_run(folder_);
  EXPECT_EQ(run.torn_lines, 0u);
  ASSERT_EQ(run.results.size(), 1u);
  EXPECT_EQ(run.results[0].key(), small.key());
  for (const auto& entry : fs::directory_iterator(folder_)) {
    EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos) << entry.path();
  }
}

TEST_F(RecordTest, AtomicWriteReplacesOrLeavesTheOldFile) {
  const std::string path = folder_ + "/page";
  write_file_atomically(path, "old");
  write_file_atomically(path, "");
  EXPECT_EQ(read("page"), "");
  write_file_atomically(path, "kept");
  fs::create_directory(folder_ + "/taken");
  EXPECT_NE(error_of([&] { write_file_atomically(folder_ + "/taken", "x"); }), "");
  EXPECT_NE(error_of([&] { write_file_atomically(folder_ + "/none/page", "x"); }), "");
  EXPECT_EQ(read("page"), "kept");
}

}  // namespace
}  // namespace aisp::bench
