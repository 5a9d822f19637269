// The copy lab beyond equality: the scattered order is a permutation without neighbours, bit
// patterns survive, and what a technique needs is asked of the processor.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch07_memory_access/copy/problem.h"

namespace aisp::labs::ch07::copy {

bench::Lab describe();

namespace {

TEST(CopyLab, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(CopyLab, TheScatteredOrderVisitsEveryElementOnce) {
  for (const std::size_t count : {1, 2, 3, 4, 17, 96, 768, 1024, 49152, 1048575}) {
    const std::size_t step = scattering_step(count);
    std::vector<bool> seen(count, false);
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i, at = (at + step) % count) {
      ASSERT_FALSE(seen[at]) << count << " at " << at;
      seen[at] = true;
    }
    if (count < 96) continue;
    // Neither this access nor the next but one shares a line of 16 floats with this element.
    for (const std::size_t ahead : {step, 2 * step % count}) {
      EXPECT_GE(std::min(ahead, count - ahead), 16u) << count;
    }
  }
}

TEST(CopyLab, EveryBitPatternSurvives) {
  const bench::Lab lab = describe();
  const bench::Params params{{"count", 5003}};
  for (const auto& technique : lab.techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
    bench::InputSet set(lab.problem(params), ::testing::TempDir());
    set.fill(lab, params, 3);
    const bench::Io io = set.io();
    Rng rng(7);  // any 32 bits: signalling NaNs, infinities, denormals, negative zero
    const auto in = io.fill<float>(0);
    for (float& value : in) value = std::bit_cast<float>(static_cast<std::uint32_t>(rng.next()));
    technique.plan(params)->run(io, 1);
    EXPECT_EQ(std::memcmp(in.data(), io.out<float>(0).data(), in.size_bytes()), 0)
        << technique.name;
  }
}

TEST(CopyLab, WideVectorsSayWhatTheyNeed) {
  EXPECT_EQ(vectors_16_bytes().needs(machine::Cpu{}), "");
  EXPECT_EQ(vectors_32_bytes().needs(machine::Cpu{}), "needs AVX2");
  EXPECT_EQ(vectors_64_bytes().needs(machine::Cpu{}), "needs AVX-512");
}

TEST(CopyLabCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch07::copy
