// Labs in TOML files: what a good one becomes, and one clear line for every mistake.
#include "bench/command/lab_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "base/error.h"
#include "bench/select.h"

namespace aisp::bench::command {
namespace {

constexpr const char* kGood = R"([[lab]]
name = "count"
question = "Which counts lines sooner?"
baseline = "wc"
prepare = "touch {file}"
env = { LC_ALL = "C" }
check = { of = "stdout", as = "text", rtol = 1e-6 }

[[lab.case]]
name = "large"
origin = "a log"
values = { file = "log.txt", n = 1000 }
work = { bytes_read = 1e6, items = 1000, item_name = "lines" }
smoke = { values = { n = 10 } }

[[lab.technique]]
name = "wc"
command = "wc -l {file} {n}"

[[lab.technique]]
name = "awk"
summary = "awk at the end"
command = "awk 'END {print NR}' {file}"
threads = 1
role = "peer"
)";

class LabFile : public testing::Test {
 protected:
  ~LabFile() override { unlink(path_.c_str()); }

  std::vector<CommandLab> read(const std::string& text) {
    std::ofstream(path_, std::ios::trunc) << text;
    return read_lab_file(path_);
  }

  // kGood with `from` replaced by `to`, refused: the message without the path.
  std::string refusal(const std::string& from, const std::string& to) {
    std::string text = kGood;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return refusal_of(text);
  }

  std::string refusal_of(const std::string& text) {
    try {
      read(text);
    } catch (const UsageError& problem) {
      const std::string line = problem.what();
      EXPECT_EQ(line.find(path_), 0u) << line;
      EXPECT_EQ(line.find('\n'), std::string::npos) << line;
      return line.substr(path_.size());
    }
    return "";
  }

  const std::string path_ = "/tmp/aisp-lab-file-" + std::to_string(getpid()) + ".toml";
};

TEST_F(LabFile, AGoodOneIsALab) {
  const CommandLab lab = read(kGood).at(0);
  EXPECT_EQ(lab.chapter, "mine");
  EXPECT_EQ(lab.lab.baseline, "wc");
  EXPECT_EQ(lab.lab.targets, (std::vector<std::string>{"mine:count"}));
  EXPECT_EQ(lab.lab.cases.at(0).full["n"], 1000);
  EXPECT_EQ(lab.lab.cases.at(0).smoke["n"], 10);
  const Command& wc = lab.at("large", "full").commands.at("wc");
  EXPECT_EQ(wc.line, "wc -l log.txt 1000");
  EXPECT_EQ(wc.environment.at("LC_ALL"), "C");
  EXPECT_EQ(wc.cwd, "/tmp/");  // the file's folder
  EXPECT_EQ(lab.at("large", "smoke").commands.at("wc").line, "wc -l log.txt 10");
  // Braces that are no value stay as they are.
  EXPECT_EQ(lab.at("large", "full").commands.at("awk").line, "awk 'END {print NR}' log.txt");
  EXPECT_EQ(lab.at("large", "full").work.items, 1000.0);
  EXPECT_EQ(lab.at("large", "smoke").work.items, 0.0);
  EXPECT_EQ(lab.rules.check.as, OutputCheck::As::kText);
  EXPECT_EQ(lab.lab.techniques.at(1).role, Role::kPeer);
  EXPECT_EQ(lab.lab.techniques.at(0).needs(machine::Cpu{}), "");
}

TEST_F(LabFile, MistakesHaveTheirLineAndARemedy) {
  EXPECT_EQ(refusal("question", "qestion"), ":3: unknown key qestion; did you mean question?");
  EXPECT_EQ(refusal("command = \"wc", "comand = \"wc").substr(0, 22), ":16: has no command; a");
  EXPECT_EQ(refusal("name = \"count\"", "name = 3"), ":2: name is an integer; it must be text");
  EXPECT_EQ(refusal("baseline = \"wc\"", "baseline = \"cw\""),
            ":4: no technique is called cw; did you mean wc?");
  EXPECT_EQ(refusal("as = \"text\"", "as = \"txt\""), ":7: as is \"txt\"; did you mean text?");
  EXPECT_EQ(refusal("threads = 1", "threads = -1"),
            ":24: threads is an integer; it must be a number, 0 or more");
  EXPECT_EQ(refusal("name = \"awk\"", "name = \"wc\""),
            ":21: a second technique is called wc; choose another name");
  EXPECT_EQ(refusal("name = \"large\"", "name = \"a b\"").substr(0, 23),
            ":10: the name \"a b\" has");
  EXPECT_EQ(refusal("{n}\"", "\""),
            ":9: no command of the lab uses the value n; write {n} where "
            "it belongs");
  EXPECT_EQ(refusal("{ n = 10 }", "{ m = 10 }").substr(0, 30), ":14: value m is not among thos");
  EXPECT_EQ(refusal("name = \"count\"", "name = \"count").substr(0, 3), ":2:");
  EXPECT_NE(refusal("of = \"stdout\"", "of = \"file\"").find("names no output to check"),
            std::string::npos);
  EXPECT_NE(refusal("as = \"text\"", "as = \"raw\"").find("raw numbers have no dtype"),
            std::string::npos);
  EXPECT_NE(refusal("as = \"text\"", "as = \"bytes\"").find("bytes have no tolerance"),
            std::string::npos);
  EXPECT_NE(refusal("as = \"text\"", "as = \"raw\", dtype = \"float\"").find("unknown type float"),
            std::string::npos);
  EXPECT_NE(refusal("items = 1000", "items = \"many\"").find("items is text"), std::string::npos);
  EXPECT_NE(refusal("env = {", "json_key = \"t\"\nenv = {").find("does not say its unit"),
            std::string::npos);
  EXPECT_NE(refusal("env = {", "time = \"clock\"\nenv = {").find("one of auto, wall"),
            std::string::npos);
  EXPECT_EQ(refusal_of(""), ": holds no labs; begin one with [[lab]]");
  EXPECT_NE(refusal_of("[[lab]]\nname = \"x\"\n").find("0 techniques"), std::string::npos);
  EXPECT_THROW(read_lab_file("/nonexistent.toml"), UsageError);
}

TEST_F(LabFile, AMissingProgramIsSaidNotThrown) {
  std::string text = kGood;
  text.replace(text.find("awk 'END"), 3, "awkk");
  const CommandLab lab = read(text).at(0);
  EXPECT_NE(lab.lab.techniques.at(1).needs(machine::Cpu{}).find("no program is called awkk"),
            std::string::npos);
}

TEST_F(LabFile, TheHashFollowsTheCommands) {
  const std::string before = read(kGood).at(0).hash;
  EXPECT_EQ(read(kGood).at(0).hash, before);
  std::string text = kGood;
  text.replace(text.find("wc -l"), 5, "wc -c");
  EXPECT_NE(read(text).at(0).hash, before);
}

TEST_F(LabFile, LabsOfOneNameAreRefused) {
  read(std::string(kGood) + kGood);
  EXPECT_THROW(known_labs({path_}), UsageError);
}

TEST_F(LabFile, OneCaseIsEnoughToBegin) {
  const CommandLab lab =
      read(
          "[[lab]]\nname = \"x\"\n[[lab.technique]]\nname = \"t\"\ncommand = \"true\"\n"
          "[[lab.technique]]\nname = \"f\"\ncommand = \"true x\"\n")
          .at(0);
  EXPECT_EQ(lab.lab.question, "Which takes less time: t or f?");
  EXPECT_EQ(lab.lab.cases.at(0).name, "run");
}

}  // namespace
}  // namespace aisp::bench::command
