// Whatever happens after the undo file is there, the old bytes come back: a refusal half-way, a
// crash, a kernel that shows choices in brackets; and no hostile undo file writes elsewhere.
#include "doctor/undo.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "base/error.h"
#include "doctor/apply.h"

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class UndoTest : public testing::Test {
 protected:
  UndoTest() {
    char name[] = "/tmp/aisp-undo-XXXXXX";
    folder_ = mkdtemp(name);
    root_ = folder_ + "/root";
    put("/proc/sys/vm/swappiness", "60\n");
    put("/sys/block/sda/queue/scheduler", "none [mq-deadline] kyber\n");
    put("/sys/odd", std::string("a\0b\xff \n\n", 8));
  }
  ~UndoTest() override { fs::remove_all(folder_); }

  void put(const std::string& target, const std::string& text) {
    fs::create_directories(fs::path(root_ + target).parent_path());
    std::ofstream(root_ + target, std::ios::binary) << text;
    before_[target] = text;
  }
  void expect_as_before() const {
    for (const auto& [target, text] : before_) EXPECT_EQ(text_of(root_ + target), text) << target;
  }
  std::vector<Change> plan() const {
    std::vector<Fix> fixes;
    for (const auto& [target, text] : before_) fixes.push_back({Fix::Kind::kWrite, target, "10"});
    return plan_changes(fixes, root_);
  }
  std::string undo_file() const { return folder_ + "/state/undo.json"; }

  std::string folder_, root_;
  std::map<std::string, std::string> before_;
};

TEST_F(UndoTest, AppliesAndRestoresEveryByte) {
  const Undo undo(undo_file(), "item", root_, plan());
  expect_as_before();
  EXPECT_TRUE(fs::exists(undo_file()));
  undo.apply();
  for (const auto& [target, text] : before_) EXPECT_EQ(text_of(root_ + target), "10\n");
  undo.restore();
  expect_as_before();
  undo.restore();  // once more changes nothing
  expect_as_before();
  undo.forget();
  EXPECT_FALSE(fs::exists(undo_file()));
}

TEST_F(UndoTest, AWriteThatIsRefusedHalfWayRollsBack) {
  const auto changes = plan();
  const Undo undo(undo_file(), "item", root_, changes);
  // The last file goes away between the plan and the write: its write fails, the others are undone.
  const std::string last = changes.back().target;
  fs::remove(root_ + last);
  before_.erase(last);
  EXPECT_THROW(undo.apply(), Error);
  expect_as_before();
  EXPECT_FALSE(fs::exists(root_ + last));  // and never made anew
}

TEST_F(UndoTest, AFileThatBecameALinkIsRefusedAndAllRollsBack) {
  const Undo undo(undo_file(), "item", root_, plan());
  fs::remove(root_ + "/sys/odd");
  before_.erase("/sys/odd");
  fs::create_symlink("/dev/null", root_ + "/sys/odd");
  EXPECT_THROW(undo.apply(), Error);
  expect_as_before();
}

TEST_F(UndoTest, AValueThatDoesNotComeToBeRollsBack) {
  // A file that takes every write and shows nothing of it: as a kernel that clamps.
  if (mknod((root_ + "/sys/zz").c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) {
    GTEST_SKIP() << "this user makes no device nodes";
  }
  before_["/sys/zz"] = "";
  const Undo undo(undo_file(), "item", root_, plan());
  try {
    undo.apply();
    FAIL() << "a value that is not there was taken for applied";
  } catch (const Error& problem) {
    EXPECT_NE(std::string(problem.what()).find("the kernel made '' of '10'"), std::string::npos)
        << problem.what();
  }
  expect_as_before();
}

TEST_F(UndoTest, ACrashLeavesTheUndoFileAndItRestores) {
  const pid_t child = fork();
  if (child == 0) {
    const Undo undo(undo_file(), "item", root_, plan());
    undo.apply();
    _exit(9);  // no destructor, no clean-up
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  EXPECT_EQ(text_of(root_ + "/proc/sys/vm/swappiness"), "10\n");
  const Undo undo = Undo::read(undo_file(), root_);
  EXPECT_EQ(undo.item(), "item");
  undo.restore();
  expect_as_before();
}

TEST_F(UndoTest, AnUndoFileIsNeverOverwritten) {
  const Undo first(undo_file(), "item", root_, plan());
  first.apply();
  EXPECT_THROW(Undo(undo_file(), "item", root_, plan()), Error);
  Undo::read(undo_file(), root_).restore();
  expect_as_before();
}

TEST_F(UndoTest, OnlySettingsOfTheKernelAreWritten) {
  const auto refuses = [&](const std::string& target) {
    EXPECT_THROW(plan_changes({{Fix::Kind::kWrite, target, "1"}}, root_), Error) << target;
    std::ofstream(folder_ + "/hostile.json")
        << R"({"schema":"aisp.undo/1","item":"x","steps":[{"target":")" << target
        << R"(","old_hex":"41","wanted":"1"}]})";
    EXPECT_THROW(Undo::read(folder_ + "/hostile.json", root_), Error) << target;
  };
  put("/etc/passwd", "root\n");
  fs::create_symlink("../etc/passwd", root_ + "/sys/link");
  refuses("/etc/passwd");
  refuses("/sys/../etc/passwd");
  refuses("/sys/link");
  refuses("/sys/absent");
  refuses("");
  EXPECT_THROW(plan_changes({{Fix::Kind::kCommand, "true", ""}}, root_), Error);
  const Fix twice = {Fix::Kind::kWrite, "/sys/odd", "1"};
  EXPECT_THROW(plan_changes({twice, twice}, root_), Error);
  for (const char* bad : {"", "{}", "[1]", R"({"schema":"aisp.undo/1"})",
                          R"({"schema":"aisp.undo/1","item":"x","steps":[{"target":"/sys/odd",)"
                          R"("old_hex":"4","wanted":"1"}]})"}) {
    std::ofstream(folder_ + "/bad.json") << bad;
    EXPECT_THROW(Undo::read(folder_ + "/bad.json", root_), Error) << bad;
  }
  EXPECT_THROW(Undo::read(folder_ + "/nowhere.json", root_), Error);
  expect_as_before();
}

TEST_F(UndoTest, WhatTheKernelShowsOfAValue) {
  EXPECT_TRUE(holds_wanted("none [mq-deadline] kyber\n", "mq-deadline"));
  EXPECT_FALSE(holds_wanted("none [mq-deadline] kyber\n", "none"));
  EXPECT_TRUE(holds_wanted("4096\t131072\t6291456\n", "4096 131072 6291456"));
  EXPECT_TRUE(holds_wanted("010\n", "10"));
  EXPECT_FALSE(holds_wanted("60\n", "10"));
}

TEST_F(UndoTest, AnItemWithoutAMeasurementIsRolledBackOrKept) {
  Finding finding = warn("swap is on", {});
  EXPECT_THROW(changes_of(finding, root_), Error);
  finding.fixes = {{Fix::Kind::kWrite, "/proc/sys/vm/swappiness", "10"}};
  ApplyOptions options;
  options.root = root_;
  options.undo_folder = folder_ + "/state";
  const Applied back = apply("no-proof", changes_of(finding, root_), options);
  EXPECT_EQ(back.end, Applied::End::kRolledBack);
  EXPECT_FALSE(back.measured);
  expect_as_before();
  EXPECT_TRUE(fs::is_empty(folder_ + "/state"));
  options.keep = true;
  const Applied kept = apply("no-proof", changes_of(finding, root_), options);
  EXPECT_EQ(kept.end, Applied::End::kKept);
  EXPECT_EQ(text_of(root_ + "/proc/sys/vm/swappiness"), "10\n");
  Undo::read(kept.undo_file, root_).restore();
  expect_as_before();
}

}  // namespace
}  // namespace aisp::doctor
