// Properties of the normalization beyond equality with the reference.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <memory>
#include <vector>

#include "bench/verify.h"
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

bench::Lab describe();

namespace {

std::vector<float> normalize(const bench::Technique& technique, std::vector<float> x) {
  const auto n = static_cast<std::int64_t>(x.size());
  std::vector<float> weight(x.size(), 1.0f), bias(x.size(), 0.0f), y(x.size());
  bench::Io::Buffer in[3] = {{x.data(), x.size() * 4, DType::kF32, nullptr},
                             {weight.data(), x.size() * 4, DType::kF32, nullptr},
                             {bias.data(), x.size() * 4, DType::kF32, nullptr}};
  bench::Io::Buffer out = {y.data(), y.size() * 4, DType::kF32, nullptr};
  technique.plan({{"rows", 1}, {"n", n}})->run(bench::Io(in, {&out, 1}), 1);
  return y;
}

std::vector<bench::Technique> techniques_here() {
  std::vector<bench::Technique> here;
  for (const bench::Technique& one : describe().techniques) {
    if (one.role == bench::Role::kPeer) continue;  // special values are the library's business
    if (one.device != bench::Device::kCpu) continue;
    if (!one.needs || one.needs(machine::cpu()).empty()) here.push_back(one);
  }
  return here;
}

TEST(MemoryBound, AllTechniquesAreRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(MemoryBound, MeanZeroAndVarianceOne) {
  for (const bench::Technique& technique : techniques_here()) {
    std::vector<float> x(1000);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 37) % 1000);
    double sum = 0.0, square = 0.0;
    for (const float y : normalize(technique, x)) {
      sum += y;
      square += static_cast<double>(y) * y;
    }
    EXPECT_NEAR(sum / 1000.0, 0.0, 1e-6) << technique.name;
    EXPECT_NEAR(square / 1000.0, 1.0, 1e-5) << technique.name;
  }
}

TEST(MemoryBound, EqualElementsGiveTheBiasAndNanSpreads) {
  for (const bench::Technique& technique : techniques_here()) {
    for (const float y : normalize(technique, std::vector<float>(100, 4.0f))) {
      EXPECT_EQ(y, 0.0f) << technique.name;
    }
    std::vector<float> x(100, 1.0f);
    x[77] = std::nanf("");
    for (const float y : normalize(technique, x)) ASSERT_TRUE(std::isnan(y)) << technique.name;
  }
}

TEST(MemoryBound, LowerPrecisionFails) {
  const bench::Lab lab = describe();
  for (const int dropped_bits : {13, 16}) {  // tf32, bf16
    bench::Technique rounded = {
        .name = "rounded", .plan = [=](const bench::Params& params) {
          auto exact = std::shared_ptr<bench::Plan>(row_by_row().plan(params));
          return bench::plan_of([=](const bench::Io& io) {
            exact->run(io, 1);
            for (float& y : io.out<float>(0)) {
              const auto bits = std::bit_cast<std::uint32_t>(y) + (1u << (dropped_bits - 1));
              y = std::bit_cast<float>(bits >> dropped_bits << dropped_bits);
            }
          });
        }};
    for (const bench::Case& one : lab.cases) {
      EXPECT_NE(bench::run_and_check(lab, one.smoke, rounded, 5), "") << dropped_bits;
    }
  }
}

TEST(MemoryBoundCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(MemoryBound, NeedsSayWhy) {
  const machine::Cpu bare;
  EXPECT_EQ(fused_avx2().needs(bare), "needs AVX2");
  EXPECT_EQ(fused_avx512().needs(bare), "needs AVX-512");
  EXPECT_EQ(fused_threads().needs(bare), "needs 2 cores");
}

}  // namespace
}  // namespace aisp::labs::ch09::memory_bound
