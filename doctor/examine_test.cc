// The examination as a whole: every row appears, a probe that hangs or crashes costs its own row, a
// recording gives the same verdicts, the same tree the same document.
#include "doctor/examine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

#include "base/error.h"
#include "doctor/probe.h"
#include "doctor/worker.h"
#include "machine/temporary_tree.h"

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;

std::string tree_folder(const std::string& name) {
  return fmt::format("{}/doctor/trees/{}", AISP_SOURCE_DIR, name);
}

ExamineOptions of_tree(const std::string& folder) {
  ExamineOptions options;
  options.tree = folder;
  return options;
}

const Row& row_of(const Examination& examination, const std::string& id) {
  for (const Row& row : examination.rows) {
    if (row.item.id == id) return row;
  }
  static const Row none;
  ADD_FAILURE() << "no row " << id;
  return none;
}

TEST(Tables, NameItemsOfTheirKindOnce) {
  std::set<std::string> seen;
  const auto take = [&](const char* id, Kind kind) {
    const Item* const item = find_item(id);
    ASSERT_NE(item, nullptr) << id << " is not on the checklist";
    EXPECT_EQ(item->kind, kind) << id;
    EXPECT_TRUE(seen.insert(id).second) << id << " is in two tables";
  };
  for (const Probe& probe : probes()) take(probe.id, Kind::kProbe);
  for (const Setting& setting : settings()) take(setting.id, Kind::kProbe);
  for (const Measure& measure : measures()) take(measure.id, Kind::kMeasure);
}

TEST(Examination, ShowsEveryRowOfTheChecklist) {
  const Examination examination = examine(of_tree(tree_folder("cloud_vm")));
  ASSERT_EQ(examination.rows.size(), checklist().size());
  for (std::size_t i = 0; i < checklist().size(); ++i) {
    EXPECT_EQ(examination.rows[i].item.id, checklist()[i].id);
    EXPECT_FALSE(examination.rows[i].finding.says.empty()) << checklist()[i].id;
  }
}

TEST(Examination, OfOneTreeIsOneDocument) {
  const auto document = [](const std::string& name) {
    Json json = to_json(examine(of_tree(tree_folder(name))));
    json.erase("when");
    json.erase("seconds");
    for (Json& row : json["rows"]) row.erase("seconds");
    return json.dump();
  };
  for (const char* const name : {"hpc_node_slow", "container_limits", "broken"}) {
    EXPECT_EQ(document(name), document(name)) << name;
  }
}

TEST(Examination, OfABrokenTreeCrashesNoProbe) {
  const Examination examination = examine(of_tree(tree_folder("broken")));
  for (const Row& row : examination.rows) {
    EXPECT_EQ(row.finding.says.find("crashed"), std::string::npos) << row.item.id;
    EXPECT_EQ(row.finding.says.find("cut off"), std::string::npos) << row.item.id;
  }
}

// Whatever a probe does, its row says so and its neighbours are as without it.
void expect_one_row_lost(void (*misbehave)(), const char* words) {
  ExamineOptions options = of_tree(tree_folder("hpc_node"));
  options.sections = {"OS and driver"};
  const Examination healthy = examine(options);
  options.probe_limit_s = 0.3;
  options.in_child = [misbehave](const std::string& id) {
    if (id == "swap-off") misbehave();
  };
  const Examination hurt = examine(options);
  ASSERT_EQ(hurt.rows.size(), healthy.rows.size());
  for (std::size_t i = 0; i < hurt.rows.size(); ++i) {
    const Row& row = hurt.rows[i];
    if (row.item.id == "swap-off") {
      EXPECT_EQ(row.finding.verdict, Verdict::kCannotSee);
      EXPECT_NE(row.finding.says.find(words), std::string::npos) << row.finding.says;
    } else {
      EXPECT_EQ(row.finding.says, healthy.rows[i].finding.says) << row.item.id;
    }
  }
}

TEST(Examination, CutsOffAProbeThatHangs) {
  expect_one_row_lost([] { std::this_thread::sleep_for(std::chrono::hours(1)); },
                      "did not answer within 0.3 s and was cut off");
}

TEST(Examination, SurvivesAProbeThatCrashes) {
  expect_one_row_lost([] { raise(SIGKILL); }, "crashed");
}

TEST(Examination, SaysWhatAProbeThrew) {
  expect_one_row_lost([] { throw Error("no such thing", "here", ""); }, "here: no such thing");
}

TEST(Examination, WaitsForNoPipe) {
  const machine::TemporaryTree copy;
  fs::copy(tree_folder("workstation"), copy.root(),
           fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  const std::string files = copy.root() + "/root";
  for (const std::string& file :
       {files + "/proc/swaps", files + "/proc/buddyinfo", copy.root() + "/env"}) {
    fs::remove(file);
    ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  }
  const auto begin = std::chrono::steady_clock::now();
  ExamineOptions options = of_tree(copy.root());
  options.sections = {"OS and driver"};
  const Examination examination = examine(options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(row_of(examination, "swap-off").finding.verdict, Verdict::kCannotSee);
  EXPECT_EQ(row_of(examination, "cpu-governor").finding.verdict, Verdict::kWarn);
  EXPECT_LT(took.count(), 20.0);  // waiting would last for ever
}

// What was decided by evidence must be decided the same by the recording of it.
TEST(Examination, OfARecordingGivesTheSameVerdicts) {
  const machine::TemporaryTree place;
  ExamineOptions options;
  options.record_to = place.root() + "/recording";
  options.window_s = 0.2;
  options.probe_limit_s = 5.0;  // tests run beside others
  const Examination here = examine(options);
  const Examination again = examine(of_tree(options.record_to));
  ASSERT_EQ(here.rows.size(), again.rows.size());
  int decided = 0;
  for (std::size_t i = 0; i < here.rows.size(); ++i) {
    const Row& row = here.rows[i];
    if (row.item.kind != Kind::kProbe) continue;
    EXPECT_EQ(row.finding.verdict, again.rows[i].finding.verdict)
        << row.item.id << ": " << row.finding.says << " | " << again.rows[i].finding.says;
    decided += row.finding.verdict == Verdict::kOk || row.finding.verdict == Verdict::kWarn;
  }
  EXPECT_GE(decided, 5);
  EXPECT_EQ(here.host, again.host);
  EXPECT_THROW(examine(options), Error) << "a folder with a recording was written over";
}

TEST(Examination, RefusesWhatIsNoTree) {
  EXPECT_THROW(examine(of_tree("/nowhere")), Error);
  ExamineOptions options = of_tree(tree_folder("cloud_vm"));
  options.items = {"swap-of"};
  EXPECT_THROW(examine(options), UsageError);
}

TEST(Worker, GoesOnAfterEachLoss) {
  Worker worker([](const Json& question) -> Json {
    if (question == "hang") std::this_thread::sleep_for(std::chrono::hours(1));
    if (question == "crash") std::_Exit(3);
    if (question == "throw") throw Error("broken", "", "");
    return {{"echo", question}};
  });
  EXPECT_EQ(worker.ask("one", 5.0).value_or(Json())["echo"], "one");
  EXPECT_FALSE(worker.ask("hang", 0.1).has_value());
  EXPECT_NE(worker.lost().find("cut off"), std::string::npos) << worker.lost();
  EXPECT_EQ(worker.ask("two", 5.0).value_or(Json())["echo"], "two");
  EXPECT_FALSE(worker.ask("crash", 5.0).has_value());
  EXPECT_NE(worker.lost().find("crashed"), std::string::npos) << worker.lost();
  EXPECT_EQ(worker.ask("throw", 5.0).value_or(Json())["error"], "broken");
  EXPECT_EQ(worker.ask("three", 5.0).value_or(Json())["echo"], "three");
}

}  // namespace
}  // namespace aisp::doctor
