// The disk's rows: what they read is what was written, whatever the folder or the sandbox refuses
// is a reason and no figure, and no file outlives the measurement, even a killed one.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "machine/cost_sheet.h"
#include "machine/disk_queue.h"
#include "machine/scratch_file.h"

namespace aisp::machine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMiB = std::size_t{1} << 20;

class DiskCosts : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::temp_directory_path() / ("aisp_disk_" + std::to_string(getpid()) +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
    options_.seconds = 0.2;
    options_.disk_limit_bytes = 16 * kMiB;
    options_.disk_folder = folder_.string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  Costs measure() {
    Crew crew(cpu());
    CostSheet sheet;
    Costs costs;
    costs.disk_folder = add_disk_costs({cpu(), options_, crew, sheet});
    sheet.measure(options_.seconds, options_, [](int) {});
    sheet.store(costs);
    return costs;
  }
  static std::string why(const Costs& costs, const std::string& name) {
    for (const NotMeasured& missing : costs.missing) {
      if (missing.name == name) return missing.why;
    }
    return "";
  }

  fs::path folder_;
  CostOptions options_;
};

TEST_F(DiskCosts, FillsAndReadsBackTheSameBytesAtEveryDepth) {
  ScratchFile file(folder_.string());
  file.fill(20 * kMiB, 10.0);
  EXPECT_EQ(file.size_bytes(), 20 * kMiB);
  struct stat facts {};
  ASSERT_EQ(fstat(file.get(), &facts), 0);
  EXPECT_EQ(static_cast<std::size_t>(facts.st_size), file.size_bytes());
  EXPECT_EQ(facts.st_nlink, 0u);  // it has no name
  EXPECT_TRUE(fs::is_empty(folder_));
  for (const int depth : {1, 4}) {
    if (depth > 1 && !why_no_ring().empty()) continue;
    std::set<std::uint64_t> read;
    std::uint64_t next = 0;
    DiskQueue queue(depth, kMiB);
    queue.transfer(file.get(), false, 20, [&] {
      read.insert(next);
      return next++ * kMiB;
    });
    EXPECT_EQ(read.size(), 20u);
    // Beyond the end is short, hence a failure, and the queue goes on to work.
    EXPECT_THROW(queue.transfer(file.get(), false, 6, [] { return 100 * kMiB; }), Error);
    EXPECT_NO_THROW(queue.transfer(file.get(), false, 6, [] { return 0; }));
  }
}

TEST_F(DiskCosts, ForgottenPagesAreReallyGone) {
  ScratchFile file(folder_.string());
  file.fill(16 * kMiB, 10.0);
  file.warm(kMiB);
  EXPECT_TRUE(file.cached());
  file.drop();
  if (file.cached()) GTEST_SKIP() << file.file_system() << " keeps its pages";
  DiskQueue(1, kMiB).transfer(file.get(), false, 1, [] { return 0; });
  EXPECT_TRUE(file.cached());
}

TEST_F(DiskCosts, RowsAreThereOrSayWhy) {
  const Costs costs = measure();
  EXPECT_EQ(costs.disk_folder, folder_.string());
  EXPECT_EQ(costs.costs.size() + costs.missing.size(), 16u);
  for (const Cost& cost : costs.costs) EXPECT_GT(cost.value.estimate, 0.0) << cost.name;
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(DiskCosts, FoldersThatCannotBeMeasuredAreReasons) {
  for (const auto& [folder, reason] :
       {std::pair{"/nowhere/at/all", "No such file"}, std::pair{"/proc", "no file can be made"},
        std::pair{"/dev/shm", "in memory"}}) {
    if (std::string(folder) == "/dev/shm" && !fs::exists(folder)) continue;
    options_.disk_folder = folder;
    const Costs costs = measure();
    EXPECT_TRUE(costs.costs.empty());
    EXPECT_NE(why(costs, "disk").find(reason), std::string::npos) << why(costs, "disk");
  }
  options_.disk_folder = folder_.string();
  options_.disk_limit_bytes = kMiB;
  EXPECT_NE(why(measure(), "disk").find("may be written"), std::string::npos);
}

// Every call of io_uring_setup fails in this process from now on, as in many containers.
bool forbid_io_uring() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(DiskCosts, ForbiddenIoUringIsSaidAndDepthOneRemains) {
  const pid_t child = fork();
  if (child == 0) {
    if (!forbid_io_uring()) _exit(2);
    const Costs costs = measure();
    const bool said =
        why(costs, "disk/read random, direct, depth 8").find("not permitted") != std::string::npos;
    const bool others =
        why(costs, "disk/read random, page cache").find("io_uring") == std::string::npos;
    _exit(said && others ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "seccomp is refused";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(DiskCosts, AKilledMeasurementLeavesNoFile) {
  for (const int signal : {SIGINT, SIGKILL}) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
      ScratchFile file(folder_.string());
      file.fill(16 * kMiB, 10.0);
      const ssize_t told = write(ready[1], "x", 1);
      for (;;) pause();
      _exit(static_cast<int>(told));
    }
    char byte;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    kill(child, signal);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_TRUE(fs::is_empty(folder_));
    close(ready[0]);
    close(ready[1]);
  }
}

}  // namespace
}  // namespace aisp::machine
