// The scripts do what they say in a root of their own: nothing in a dry run, everything with
// DRY_RUN=0, and the very bytes of before after the undo, whatever names and values hold.
#include "doctor/fix_script.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

class FixScript : public testing::Test {
 protected:
  FixScript() {
    char name[] = "/tmp/aisp-fix-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~FixScript() override { fs::remove_all(folder_); }

  void make(const std::vector<Remedy>& remedies) {
    const FixScripts scripts = fix_scripts(remedies);
    put(folder_ + "/fix.sh", scripts.apply);
    put(folder_ + "/undo.sh", scripts.undo);
  }
  // Runs a line of sh in the folder; its output is in `said_`.
  int sh(const std::string& line) {
    const std::string whole = "cd " + folder_ + " && { " + line + "; } >said 2>&1";
    const int status = std::system(whole.c_str());
    said_ = text_of(folder_ + "/said");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  std::string root() const { return folder_ + "/root"; }
  std::string folder_, said_;
};

Fix write(const std::string& target, const std::string& value) {
  return {Fix::Kind::kWrite, target, value};
}

TEST_F(FixScript, ADryRunChangesNothingAndUndoRestoresEveryByte) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"/proc/sys/vm/swappiness", "60\n"},
      {"/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n"},
      {"/sys/block/sda/queue/read_ahead_kb", "128"},  // no newline
      {"/sys/odd", std::string("a\tb \n\n", 6)},
      {"/sys/empty", ""},
  };
  std::vector<Fix> fixes;
  for (const auto& [path, text] : files) {
    put(root() + path, text);
    fixes.push_back(write(path, "10"));
  }
  make({{"swap-off", "Swap is off", "swap is on", fixes}});
  EXPECT_EQ(sh("ROOT=" + root() + " sh fix.sh"), 0) << said_;
  EXPECT_NE(said_.find("dry run"), std::string::npos) << said_;
  EXPECT_NE(said_.find("60 -> 10"), std::string::npos) << said_;
  for (const auto& [path, text] : files) EXPECT_EQ(text_of(root() + path), text);
  EXPECT_FALSE(fs::exists(folder_ + "/aisp-undo"));

  EXPECT_EQ(sh("DRY_RUN=0 ROOT=" + root() + " sh fix.sh"), 0) << said_;
  for (const auto& [path, text] : files) EXPECT_EQ(text_of(root() + path), "10\n") << path;
  // A second run keeps the first one's old values.
  EXPECT_EQ(sh("DRY_RUN=0 ROOT=" + root() + " sh fix.sh"), 0) << said_;
  EXPECT_EQ(sh("ROOT=" + root() + " sh undo.sh"), 0) << said_;
  for (const auto& [path, text] : files) EXPECT_EQ(text_of(root() + path), text) << path;
  // A second undo has nothing to do.
  put(root() + "/proc/sys/vm/swappiness", "33\n");
  EXPECT_EQ(sh("ROOT=" + root() + " sh undo.sh"), 0) << said_;
  EXPECT_EQ(text_of(root() + "/proc/sys/vm/swappiness"), "33\n");
}

TEST_F(FixScript, HostileValuesStayWords) {
  const std::string bomb = "'; touch " + folder_ + "/owned; echo '$(touch " + folder_ +
                           "/owned)`touch " + folder_ + "/owned`\"\\\n# -n %s";
  const std::string path = "/sys/a b'c$(touch owned)\"d";
  put(root() + path, "old\n");
  make({{"x'; touch owned #",
         "t\ntouch owned",
         "found\rtouch owned\ntouch owned",
         {write(path, bomb),
          {Fix::Kind::kVariable, "OMP_NUM_THREADS", bomb},
          {Fix::Kind::kVariable, "A; touch owned", "1"},
          {Fix::Kind::kCommand, "echo " + shell_quoted(bomb), "true"}}}});
  for (const char* run : {"sh fix.sh", "DRY_RUN=0 sh fix.sh"}) {
    EXPECT_EQ(sh("export ROOT=" + root() + "; " + run), 0) << said_;
  }
  EXPECT_EQ(text_of(root() + path), bomb + "\n");
  // What a job reads gives it the very value.
  EXPECT_EQ(sh(". ./aisp-undo/job.env; printf '%s' \"$OMP_NUM_THREADS\" >value"), 0) << said_;
  EXPECT_EQ(text_of(folder_ + "/value"), bomb);
  EXPECT_EQ(sh("ROOT=" + root() + " sh undo.sh"), 0) << said_;
  EXPECT_EQ(text_of(root() + path), "old\n");
  EXPECT_FALSE(fs::exists(folder_ + "/owned"));
}

TEST_F(FixScript, OnlyTheItemsThatWereAskedFor) {
  put(root() + "/sys/a", "1\n");
  put(root() + "/sys/b", "1\n");
  make({{"item-a", "A", "", {write("/sys/a", "2")}},
        {"item-b", "B", "", {write("/sys/b", "2")}},
        {"without-fix", "C", "", {}}});
  EXPECT_EQ(sh("DRY_RUN=0 ROOT=" + root() + " sh fix.sh item-b"), 0) << said_;
  EXPECT_EQ(text_of(root() + "/sys/a"), "1\n");
  EXPECT_EQ(text_of(root() + "/sys/b"), "2\n");
  EXPECT_NE(sh("ROOT=" + root() + " sh fix.sh no-such"), 0);
  EXPECT_NE(sh("ROOT=" + root() + " sh fix.sh without-fix"), 0);
  // A file that is not there is said, and the exit status shows it.
  fs::remove(root() + "/sys/a");
  EXPECT_NE(sh("DRY_RUN=0 ROOT=" + root() + " sh fix.sh item-a"), 0);
  EXPECT_NE(said_.find("missing"), std::string::npos) << said_;
}

TEST_F(FixScript, CommandsAndTheirUndo) {
  make({{"c",
         "C",
         "",
         {{Fix::Kind::kCommand, "echo done >" + folder_ + "/mark", "rm " + folder_ + "/mark"}}}});
  EXPECT_EQ(sh("sh fix.sh"), 0) << said_;
  EXPECT_FALSE(fs::exists(folder_ + "/mark"));
  EXPECT_EQ(sh("DRY_RUN=0 sh fix.sh"), 0) << said_;
  EXPECT_TRUE(fs::exists(folder_ + "/mark"));
  EXPECT_EQ(sh("sh undo.sh"), 0) << said_;
  EXPECT_FALSE(fs::exists(folder_ + "/mark"));
  // A root of its own is no place for commands.
  EXPECT_EQ(sh("DRY_RUN=0 ROOT=/nowhere sh fix.sh"), 0) << said_;
  EXPECT_FALSE(fs::exists(folder_ + "/mark"));
}

TEST_F(FixScript, ShellsAndLintersAccept) {
  make({{"a-b",
         "T",
         "s",
         {write("/sys/a", "1"),
          {Fix::Kind::kVariable, "X", "1"},
          {Fix::Kind::kCommand, "true", "true"}}}});
  for (const char* script : {"fix.sh", "undo.sh"}) {
    EXPECT_EQ(sh(std::string("sh -n ") + script), 0) << said_;
    if (sh("command -v bash") == 0) {
      EXPECT_EQ(sh(std::string("bash --posix -n ") + script), 0);
    }
    if (sh("command -v shellcheck") == 0) {
      EXPECT_EQ(sh(std::string("shellcheck -s sh ") + script), 0) << said_;
    }
  }
}

}  // namespace
}  // namespace aisp::doctor
