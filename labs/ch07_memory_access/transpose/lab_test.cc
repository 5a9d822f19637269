// Transpose beyond equality with the reference: twice is the identity for every bit pattern, and
// each technique says what it needs. The kernel's own test covers shapes, strides and stores.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

bench::Lab describe();

namespace {

TEST(TransposeLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(TransposeLab, TwiceIsTheIdentityForEveryBitPattern) {
  const bench::Lab lab = describe();
  const bench::Params there{{"rows", 192}, {"cols", 112}}, back{{"rows", 112}, {"cols", 192}};
  for (const auto& technique : lab.techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
    bench::InputSet first(lab.problem(there), ::testing::TempDir());
    bench::InputSet second(lab.problem(back), ::testing::TempDir());
    first.fill(lab, there, 3);
    second.fill(lab, back, 3);
    const auto in = first.io().fill<float>(0);
    Rng rng(7);  // any 32 bits: signalling NaNs, infinities, denormals, negative zero
    for (float& value : in) value = std::bit_cast<float>(static_cast<std::uint32_t>(rng.next()));
    technique.plan(there)->run(first.io(), 1);
    const auto once = first.io().out<float>(0);
    std::memcpy(second.io().fill<float>(0).data(), once.data(), once.size_bytes());
    technique.plan(back)->run(second.io(), 1);
    EXPECT_EQ(std::memcmp(in.data(), second.io().out<float>(0).data(), in.size_bytes()), 0)
        << technique.name;
  }
}

TEST(TransposeLab, EverySimdTechniqueSaysWhatItNeeds) {
  const machine::Cpu bare;
  EXPECT_EQ(blocked().needs(bare), "");
  EXPECT_EQ(staged_stream_avx2().needs(bare), "needs AVX2");
  EXPECT_EQ(registers_avx512().needs(bare), "needs AVX-512");
  EXPECT_EQ(stream_avx512().needs(bare), "needs AVX-512");
}

TEST(TransposeLabCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch07::transpose
