// Searching under a memory limit beyond equality: the limit keeps the file out of the cache,
// nothing is left behind, and a missing file is an Error.
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/error.h"
#include "bench/process_state.h"
#include "bench/verify.h"
#include "labs/ch03_system/docker_memory/problem.h"

namespace aisp::labs::ch03::docker_memory {

bench::Lab describe();

namespace {

class DockerMemoryLab : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string reason = mapped_by_question().needs(machine::cpu());
    if (!reason.empty()) GTEST_SKIP() << reason;
    struct statfs status {};
    if (statfs("/tmp", &status) == 0 && status.f_type == TMPFS_MAGIC) {
      GTEST_SKIP() << "/tmp is in memory: no file there is ever out of it";
    }
  }
};

TEST_F(DockerMemoryLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

// 24 MiB of file under 16 MiB: after a call no more than the limit is in the page cache, and
// without it all of it is.
TEST_F(DockerMemoryLab, TheLimitCountsThePageCache) {
  const bench::Lab lab = describe();
  const bench::Params size{{"rows", 8192}, {"width", 768}, {"questions", 1}, {"percent", 10}};
  ASSERT_EQ(limit_of(size), 16u << 20);
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 3);
  const char* path = set.io().in_path(0);
  for (const auto& technique : lab.techniques) {
    lab.before_each(size, set.io());
    technique.plan(size)->run(set.io(), 1);
    if (technique.name == "unlimited") {
      EXPECT_GE(machine::cached_bytes(path), 24u << 20);
    } else {
      EXPECT_LE(machine::cached_bytes(path), 16u << 20) << technique.name;
    }
  }
}

TEST_F(DockerMemoryLab, TheCallerIsLeftAsItWas) {
  const bench::Lab lab = describe();
  const bench::Params& size = lab.cases[0].smoke;
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 3);
  const bench::ProcessState before = bench::process_state();
  for (const auto& technique : lab.techniques) technique.plan(size)->run(set.io(), 2);
  EXPECT_TRUE(bench::state_changes(before, bench::process_state()).empty());
}

TEST_F(DockerMemoryLab, AMissingFileIsAnError) {
  const bench::Params size{{"rows", 1}, {"width", 1}, {"questions", 1}, {"percent", 50}};
  float question = 1.0f, score = 0.0f;
  bench::Io::Buffer in[] = {{nullptr, 4, DType::kF32, "/nonexistent/embeddings.bin"},
                            {&question, 4, DType::kF32, nullptr}};
  bench::Io::Buffer out{&score, 4, DType::kF32, nullptr};
  for (const auto& technique : describe().techniques) {
    EXPECT_THROW(technique.plan(size)->run(bench::Io(in, {&out, 1}), 1), Error) << technique.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch03::docker_memory
