// The copy lab beyond equality: releasing pages touches nothing outside of the buffer, every
// technique leaves the destination as the next one must find it, and what a technique needs is
// asked of the processor.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch02_hardware/memory_transfer/problem.h"

namespace aisp::labs::ch02::memory_transfer {

bench::Lab describe();

namespace {

constexpr std::size_t kPage = 4096;

TEST(MemoryTransferLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(MemoryTransferLab, WholePagesLieStrictlyInside) {
  alignas(kPage) static float arena[4 * kPage / sizeof(float)];
  const std::span<float> all(arena);
  EXPECT_EQ(whole_pages(all, kPage).size(), 4 * kPage);
  EXPECT_EQ(whole_pages(all.subspan(1), kPage).size(), 3 * kPage);
  EXPECT_EQ(whole_pages(all.first(all.size() - 1), kPage).size(), 3 * kPage);
  EXPECT_EQ(whole_pages(all.subspan(1, 2 * kPage / sizeof(float)), kPage).size(), kPage);
  EXPECT_TRUE(whole_pages(all.subspan(1, kPage / sizeof(float)), kPage).empty());
  EXPECT_TRUE(whole_pages(all.first(1), kPage).empty());
}

TEST(MemoryTransferLab, ReleasingPagesKeepsTheNeighbours) {
  // The whole vector is filled; one page and a bit inside of it are released.
  std::vector<float> arena(8 * kPage / sizeof(float), 3.0f);
  const std::span<float> part = std::span(arena).subspan(17, 3 * kPage / sizeof(float));
  const auto pages = whole_pages(part, kPage);
  ASSERT_FALSE(pages.empty());
  release_pages(part);
  const auto* released = reinterpret_cast<const float*>(pages.data());
  for (const float& value : arena) {
    const bool inside = &value >= released && &value < released + pages.size() / sizeof(float);
    ASSERT_EQ(value, inside ? 0.0f : 3.0f) << "float " << (&value - arena.data());
  }
}

TEST(MemoryTransferLab, EveryTechniqueLeavesSmallResidentPagesBehind) {
  const bench::Lab lab = describe();
  const bench::Params params{{"count", 3 << 20},
                             {"to_gpu", 0}};  // 12 MiB: at least 5 huge pages fit
  bool saw_huge_pages = false;
  for (const auto& technique : lab.techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
    bench::InputSet set(lab.problem(params), ::testing::TempDir());
    set.fill(lab, params, 3);
    const bench::Io io = set.io();
    technique.plan(params)->run(io, 1);
    const auto out = io.out<float>(0);
    saw_huge_pages = saw_huge_pages || huge_page_bytes(out) > 0;
    const std::vector<float> before(out.begin(), out.end());
    lab.before_each(params, io);
    EXPECT_LE(huge_page_bytes(out), 0) << technique.name;
    EXPECT_EQ(std::memcmp(out.data(), before.data(), out.size_bytes()), 0) << technique.name;
    EXPECT_EQ(set.damaged_canary(), "") << technique.name;
  }
  if (!saw_huge_pages) GTEST_SKIP() << "the system gave no huge pages to take back";
}

TEST(MemoryTransferLab, EverySimdTechniqueSaysWhatItNeeds) {
  EXPECT_EQ(streaming_avx2().needs(machine::Cpu{}), "needs AVX2");
  EXPECT_EQ(streaming_avx512().needs(machine::Cpu{}), "needs AVX-512");
}

TEST(MemoryTransferLabCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch02::memory_transfer
