// Every tile is right at every edge; scalar tiles add in the order of the triple loop.
#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "kernels/gemm/triple_loop.h"
#include "labs/ch09_fusion/micro_tiling/scalar_tile.h"

namespace aisp::labs::ch09::micro_tiling {

bench::Lab describe();

namespace {

TEST(MicroTiling, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

/// Every height and width around every tile: guard pages and canaries around C see a tile that
/// writes past its edge.
TEST(MicroTiling, EveryEdgeIsRight) {
  bench::Lab lab = describe();
  lab.cases.clear();
  lab.ragged.clear();
  for (std::int64_t m = 1; m <= 15; ++m) {
    for (const std::int64_t n : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 47, 49, 63}) {
      lab.ragged.push_back(bench::matmul::sizes(m, n, 5));
    }
  }
  std::erase_if(lab.techniques,
                [](const bench::Technique& one) { return one.role == bench::Role::kPeer; });
  EXPECT_EQ(bench::check_all_techniques(lab), "");
}

/// A tile changes which elements are in flight, not the order of any element's additions.
TEST(MicroTiling, ScalarTilesChangeNoBit) {
  constexpr std::int64_t kM = 23, kN = 45, kK = 67;
  std::vector<float> a(kM * kK), b(kK * kN), one(kM * kN), other(kM * kN);
  fill_uniform(a, 1);
  fill_uniform(b, 2);
  kernels::gemm::triple_loop(kM, kN, kK, a.data(), b.data(), one.data());
  const Product at = {kM, kN, kK, a.data(), b.data(), other.data()};
  for (const Kernel kernel : {&scalar_tiles<2, 2>, &scalar_tiles<4, 4>}) {
    std::fill(other.begin(), other.end(), -1.0f);
    kernel(at);
    EXPECT_EQ(one, other);
  }
}

TEST(MicroTiling, Bf16InputsAreNoticed) {
  const bench::Lab lab = describe();
  bench::Technique rounded = triple_loop();
  rounded.plan = [](const bench::Params& p) {
    return bench::matmul::plan_with(p, [](std::int64_t m, std::int64_t n, std::int64_t k,
                                          const float* a, const float* b, float* c) {
      std::vector<float> a_cut(a, a + m * k), b_cut(b, b + k * n);
      for (float& value : a_cut) value = static_cast<float>(bf16(value));
      for (float& value : b_cut) value = static_cast<float>(bf16(value));
      kernels::gemm::triple_loop(m, n, k, a_cut.data(), b_cut.data(), c);
    });
  };
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, rounded, 5), "") << one.name;
  }
}

TEST(MicroTilingCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(MicroTiling, NeedsSayWhy) {
  EXPECT_EQ(tile_avx2().needs(machine::Cpu{}), "needs AVX2");
  EXPECT_EQ(tile_avx512().needs(machine::Cpu{}), "needs AVX-512");
}

}  // namespace
}  // namespace aisp::labs::ch09::micro_tiling
