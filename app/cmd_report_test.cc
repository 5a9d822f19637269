// The report command on folders, and the record and its report against docs/record.schema.json:
// synthetic ones with every outcome, broken ones that must be refused, and one that the real
// program has just measured. $AISP_RUN_FOLDER names a further run folder to validate.
#include "app/cmd_report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "bench/record_sample.h"
#include "report/html.h"
#include "report/json.h"

namespace aisp::app {
namespace {

namespace fs = std::filesystem;
using bench::Json;

struct Ran {
  int code = -1;
  std::string output;
};

/// Runs a shell command; standard output and error together.
Ran run_command(const std::string& command) {
  Ran ran;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> part{};
  while (const std::size_t got = fread(part.data(), 1, part.size(), pipe)) {
    ran.output.append(part.data(), got);
  }
  const int status = pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

/// A Python that has jsonschema: another one may come first on the path.
std::string python() {
  for (const char* candidate : {"python3", "/usr/bin/python3"}) {
    if (run_command(std::string(candidate) + " -c 'import jsonschema'").code == 0) return candidate;
  }
  return "";
}

class ReportCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "aisp_report_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    run_ = folder_ + "/run";
    const bench::RunRecord sample = bench::sample::run();
    bench::RunWriter writer(run_, sample.header, false);
    for (const auto& result : sample.results) writer.append(result);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }

  static Ran validate(const std::string& path) {
    const std::string interpreter = python();
    EXPECT_NE(interpreter, "") << "install python3-jsonschema (make deps does)";
    return run_command(interpreter + " '" AISP_SOURCE_DIR "/tools/validate_record.py' '" + path +
                       "'");
  }

  /// The run folder again with one line of results, changed.
  void write_line(const Json& line) const {
    std::ofstream(run_ + "/results.jsonl") << line.dump() << "\n";
  }

  std::string folder_, run_;
};

TEST_F(ReportCommandTest, WritesThePageBesideTheRecord) {
  EXPECT_EQ(cmd_report({.run = run_}), 0);
  EXPECT_EQ(read(run_ + "/report.html"), report::render_html(bench::read_run(run_)));
  const std::string first = read(run_ + "/report.html");
  EXPECT_EQ(cmd_report({.run = run_ + "/run.json", .html = true}), 0);
  EXPECT_EQ(read(run_ + "/report.html"), first);
}

TEST_F(ReportCommandTest, PrintsOtherFormsOrWritesThem) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(cmd_report({.run = run_, .json = true}), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), report::render_json(bench::read_run(run_)));
  EXPECT_EQ(cmd_report({.run = run_, .markdown = true, .out = folder_ + "/x.md"}), 0);
  EXPECT_EQ(read(folder_ + "/x.md").substr(0, 11), "# aisp run ");
  EXPECT_FALSE(fs::exists(run_ + "/report.html"));
}

TEST_F(ReportCommandTest, RefusesWhatItCannotDo) {
  EXPECT_THROW(cmd_report({.run = run_, .html = true, .json = true}), UsageError);
  EXPECT_THROW(cmd_report({.run = folder_ + "/none"}), Error);
  EXPECT_THROW(cmd_report({.run = run_, .out = folder_ + "/no/such/folder/x.html"}), Error);
}

TEST_F(ReportCommandTest, SyntheticRecordAndReportMatchTheSchema) {
  const Ran record = validate(run_);
  EXPECT_EQ(record.code, 0) << record.output;
  EXPECT_EQ(cmd_report({.run = run_, .json = true, .out = folder_ + "/report.json"}), 0);
  const Ran report = validate(folder_ + "/report.json");
  EXPECT_EQ(report.code, 0) << report.output;
}

TEST_F(ReportCommandTest, TheSchemaRefusesWhatIsNotDocumented) {
  const Json good = bench::to_json(bench::sample::transpose_case());
  write_line(good);
  ASSERT_EQ(validate(run_).code, 0);
  const auto refused = [&](const char* path, const Json& value) {
    Json line = good;
    line[Json::json_pointer(path)] = value;
    write_line(line);
    const Ran ran = validate(run_);
    return ran.code == 1 && ran.output.find("results.jsonl:1") != std::string::npos;
  };
  EXPECT_TRUE(refused("/extra", 1));
  EXPECT_TRUE(refused("/schema", "aisp.result/2"));
  EXPECT_TRUE(refused("/techniques/1/extra", 1));
  EXPECT_TRUE(refused("/techniques/1/outcome", "splendid"));
  EXPECT_TRUE(refused("/techniques/1/outcome", "wrong")) << "wrong has no time";
  EXPECT_TRUE(refused("/techniques/1/pair/verdict", "better"));
  EXPECT_TRUE(refused("/techniques/1/pair/ratio/high", "inf"));
  EXPECT_TRUE(refused("/techniques/1/name", "unmeasured")) << "no raw samples of it";
  EXPECT_TRUE(refused("/processes/0/series/tiled/cpu_ns", Json::array()));
  EXPECT_TRUE(refused("/params/rows", 1.5));
  Json header = bench::sample::header();
  header["seed"] = -1;
  write_line(good);
  std::ofstream(run_ + "/run.json") << header.dump();
  EXPECT_EQ(validate(run_).code, 1);
}

TEST_F(ReportCommandTest, ARealRunMatchesTheSchema) {
  const Ran list = run_command("'" AISP_BINARY "' bench list-targets --json");
  ASSERT_EQ(list.code, 0) << list.output;
  const Json labs = Json::parse(list.output);
  if (labs.empty()) GTEST_SKIP() << "this build has no labs";
  const std::string lab = labs[0].at("lab"), out = folder_ + "/real";
  const Ran bench = run_command("'" AISP_BINARY "' bench run --targets '" + lab +
                                "' --size smoke --budget 2 --profile none --out '" + out + "'");
  // What the lab comes to on this machine is not the question here: 3 is "something was wrong".
  ASSERT_TRUE(bench.code == 0 || bench.code == 3) << bench.output;
  const Ran record = validate(out);
  EXPECT_EQ(record.code, 0) << record.output;
  const std::string page = read(out + "/report.html");
  EXPECT_EQ(page, report::render_html(bench::read_run(out)));
  const Ran again = run_command("'" AISP_BINARY "' report --html --out - '" + out + "'");
  EXPECT_EQ(again.code, 0);
  EXPECT_EQ(again.output, page);
}

TEST_F(ReportCommandTest, AFullDeviceIsOneClearLine) {
  const Ran ran = run_command("('" AISP_BINARY "' report --md '" + run_ + "' 2>&1 >/dev/full)");
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.output.find("standard output"), std::string::npos) << ran.output;
}

TEST_F(ReportCommandTest, AnyNamedRunFolderMatchesTheSchema) {
  const char* folder = std::getenv("AISP_RUN_FOLDER");
  if (folder == nullptr) GTEST_SKIP() << "set AISP_RUN_FOLDER to validate a run of your own";
  const Ran record = validate(folder);
  EXPECT_EQ(record.code, 0) << record.output;
}

}  // namespace
}  // namespace aisp::app
