// The real program changes a tree of its own: what it shows, what it writes, and that every byte
// comes back, by a roll-back, by Ctrl-C, and after a crash from the undo file.
#include <chrono>
#include <csignal>
#include <thread>

#include "app/program_fixture.h"

namespace aisp {
namespace {

class DoctorApply : public Program {
 protected:
  DoctorApply() {
    put("tree.json", R"({"source": "made by this test"})");
    put("root/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 8388604 0 -2\n");
    put(kTarget, "60\n");
  }
  void put(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(tree() + "/" + path).parent_path());
    std::ofstream(tree() + "/" + path, std::ios::binary) << text;
  }
  std::string tree() const { return folder_ + "/tree"; }
  std::string value() const { return text_of(tree() + "/" + kTarget); }
  std::vector<std::string> words(const std::vector<std::string>& more) const {
    std::vector<std::string> all = {"doctor",           "--tree",         tree(),
                                    "--apply-root",     tree() + "/root", "--undo-folder",
                                    folder_ + "/state", "--out",          folder_ + "/out"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::string undo_file() const {
    if (!fs::exists(folder_ + "/state")) return "";
    for (const auto& one : fs::directory_iterator(folder_ + "/state")) return one.path();
    return "";
  }
  // Starts a measurement of a minute, and waits until it has begun.
  pid_t start_long() const {
    const pid_t child =
        start(words({"--apply", "swap-off", "--yes", "--prove-budget", "60"}), folder_ + "/log");
    for (int i = 0; i < 1500 && undo_file().empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    return child;
  }
  static constexpr const char* kTarget = "root/proc/sys/vm/swappiness";
};

TEST_F(DoctorApply, ShowsFirstAndChangesNothing) {
  const Ended shown = run(words({"--apply", "swap-off"}));
  EXPECT_EQ(shown.code, 0) << shown.text;
  EXPECT_NE(shown.text.find("/proc/sys/vm/swappiness: '60' -> '10'"), std::string::npos)
      << shown.text;
  EXPECT_NE(shown.text.find("dry run"), std::string::npos) << shown.text;
  EXPECT_EQ(value(), "60\n");
  EXPECT_EQ(undo_file(), "");
}

TEST_F(DoctorApply, KeepsWhatWasAskedForAndUndoes) {
  const Ended kept =
      run(words({"--apply", "swap-off", "--yes", "--keep", "--prove-budget", "0.5"}));
  EXPECT_EQ(kept.code & ~1, 0) << kept.text;  // 1: measured slower, kept all the same
  EXPECT_EQ(value(), "10\n") << kept.text;
  ASSERT_NE(undo_file(), "") << kept.text;
  const std::vector<std::string> undo = {"doctor", "--undo", undo_file(), "--apply-root",
                                         tree() + "/root"};
  EXPECT_EQ(run(undo).code, 0);
  EXPECT_EQ(value(), "10\n");
  auto really = undo;
  really.emplace_back("--yes");
  EXPECT_EQ(run(really).code, 0);
  EXPECT_EQ(value(), "60\n");
  EXPECT_EQ(undo_file(), "");
}

TEST_F(DoctorApply, InterruptedItRollsBack) {
  const pid_t child = start_long();
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 130) << text_of(folder_ + "/log");
  EXPECT_EQ(value(), "60\n");
  EXPECT_EQ(undo_file(), "");
}

TEST_F(DoctorApply, KilledItLeavesTheWayBack) {
  const pid_t child = start_long();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  ASSERT_NE(undo_file(), "") << text_of(folder_ + "/log");
  put(kTarget, "10\n");  // wherever it was struck
  EXPECT_EQ(run({"doctor", "--undo", undo_file(), "--apply-root", tree() + "/root", "--yes"}).code,
            0);
  EXPECT_EQ(value(), "60\n");
}

TEST_F(DoctorApply, WritesScriptsThatItNeverRuns) {
  const std::string scripts = folder_ + "/scripts";
  const Ended ended = run({"doctor", "--tree", tree(), "--fix-script", scripts});
  EXPECT_EQ(ended.code, 0) << ended.text;
  EXPECT_NE(text_of(scripts + "/fix.sh").find("remedy_swap_off()"), std::string::npos);
  EXPECT_NE(text_of(scripts + "/undo.sh").find("/proc/sys/vm/swappiness"), std::string::npos);
  EXPECT_EQ(value(), "60\n");
  // Run by a person, in a root of its own.
  const std::string there = "cd " + folder_ + " && export ROOT=" + tree() + "/root DRY_RUN=0; ";
  EXPECT_EQ(std::system((there + "sh scripts/fix.sh swap-off >log2").c_str()), 0);
  EXPECT_EQ(value(), "10\n");
  EXPECT_EQ(std::system((there + "sh scripts/undo.sh >log2").c_str()), 0);
  EXPECT_EQ(value(), "60\n");
}

TEST_F(DoctorApply, ATreeIsNotThisMachine) {
  EXPECT_EQ(run({"doctor", "--tree", tree(), "--apply", "swap-off"}).code, 4);
}

}  // namespace
}  // namespace aisp
