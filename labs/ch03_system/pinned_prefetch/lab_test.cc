// Loading ahead beyond equality: the same bits whoever reads when, errors of the file reach the
// caller from the loader's thread, and lower precision fails.
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <vector>

#include "base/error.h"
#include "bench/verify.h"
#include "labs/ch03_system/pinned_prefetch/problem.h"

namespace aisp::labs::ch03::pinned_prefetch {

bench::Lab describe();

namespace {

// What the instrument does with cold cases on a filesystem in memory: nothing there is cold.
bool nothing_is_cold() {
  struct statfs status {};
  return statfs("/tmp", &status) == 0 && status.f_type == TMPFS_MAGIC;
}

TEST(PinnedPrefetchLab, EveryTechniqueIsRight) {
  if (nothing_is_cold()) GTEST_SKIP() << "/tmp is in memory";
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(PinnedPrefetchLab, EveryWayGivesTheSameBits) {
  const bench::Lab lab = describe();
  const bench::Params& size = lab.cases[1].smoke;
  bench::InputSet set(lab.problem(size), ::testing::TempDir());
  set.fill(lab, size, 5);
  std::vector<float> first;
  for (const auto& technique : lab.techniques) {
    set.poison_outputs(6);
    technique.plan(size)->run(set.io(), 2);
    const auto out = set.io().out<float>(0);
    if (first.empty()) first.assign(out.begin(), out.end());
    EXPECT_EQ(std::vector<float>(out.begin(), out.end()), first) << technique.name;
  }
}

TEST(PinnedPrefetchLab, AFileThatIsTooShortIsAnErrorOnEveryWay) {
  const bench::Lab lab = describe();
  const bench::Params& size = lab.cases[1].smoke;
  bench::InputSet set(lab.problem(size), ::testing::TempDir());
  set.fill(lab, size, 5);
  ASSERT_EQ(truncate(set.io().in_path(0), static_cast<off_t>(set.io().in_bytes(0) / 2)), 0);
  for (const auto& technique : lab.techniques) {
    EXPECT_THROW(technique.plan(size)->run(set.io(), 1), Error) << technique.name;
  }
}

TEST(PinnedPrefetchLab, LowerPrecisionFails) {
  const bench::Lab lab = describe();
  const bench::Technique bf16_weights = {
      .name = "bf16_weights", .plan = [](const bench::Params& p) {
        return bench::plan_of([p](const bench::Io& io) {
          std::vector<float> rounded;
          for (const float w : io.in<float>(2)) rounded.push_back(float(bf16(w)));
          bench::Io::Buffer in[] = {
              {nullptr, io.in_bytes(0), DType::kF32, io.in_path(0)},
              {const_cast<std::int32_t*>(io.in<std::int32_t>(1).data()), io.in_bytes(1),
               DType::kI32, nullptr},
              {rounded.data(), rounded.size() * 4, DType::kF32, nullptr},
              {const_cast<float*>(io.in<float>(3).data()), io.in_bytes(3), DType::kF32, nullptr}};
          bench::Io::Buffer out = {io.out<float>(0).data(), io.out<float>(0).size_bytes(),
                                   DType::kF32, nullptr};
          inline_load().plan(p)->run(bench::Io(in, {&out, 1}), 1);
        });
      }};
  const bench::Params size{{"blocks", 2},   {"batch", 32},   {"width", 768},
                           {"hidden", 128}, {"classes", 16}, {"cold", 0}};
  EXPECT_EQ(bench::run_and_check(lab, size, inline_load(), 1), "");
  EXPECT_NE(bench::run_and_check(lab, size, bf16_weights, 1), "");
}

}  // namespace
}  // namespace aisp::labs::ch03::pinned_prefetch
