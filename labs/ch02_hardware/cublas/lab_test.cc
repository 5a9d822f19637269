// Every technique and peer is right; lower precision would be noticed; threads change no bit.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "bench/verify.h"
#include "labs/ch02_hardware/cublas/problem.h"
#include "machine/device_blas.h"

namespace aisp::labs::ch02::cublas {

bench::Lab describe();

namespace {

using bench::matmul::kA;
using bench::matmul::kB;
using bench::matmul::kC;

TEST(Cublas, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

/// Inputs cut to `kept` bits of mantissa, as tensor cores do, at the lengths that the lab times.
void expect_cut_is_noticed(int kept) {
  const bench::Lab lab = describe();
  bench::Technique cut = tiles_portable();
  cut.name = "cut";
  cut.plan = [kept](const bench::Params& p) {
    return bench::plan_of([kept, plan = tiles_portable().plan(p)](const bench::Io& io) {
      std::vector<float> inputs[2];
      bench::Io::Buffer in[2];
      for (std::size_t i : {kA, kB}) {
        for (float value : io.in<float>(i)) {
          const float step = std::ldexp(1.0f, std::ilogb(value) - kept);
          inputs[i].push_back(value == 0.0f ? 0.0f : std::nearbyint(value / step) * step);
        }
        in[i] = {inputs[i].data(), inputs[i].size() * sizeof(float), DType::kF32, nullptr};
      }
      bench::Io::Buffer out = {io.out<float>(kC).data(), io.out<float>(kC).size_bytes(),
                               DType::kF32, nullptr};
      plan->run(bench::Io(in, {&out, 1}), 1);
    });
  };
  for (const std::int64_t k : {1024, 4096}) {
    const bench::Params size = bench::matmul::sizes(16, 48, k);
    EXPECT_EQ(bench::run_and_check(lab, size, tiles_portable(), 5), "");
    EXPECT_NE(bench::run_and_check(lab, size, cut, 5), "") << kept << " bits, K " << k;
  }
}

TEST(Cublas, Bf16IsNoticed) { expect_cut_is_noticed(7); }
TEST(Cublas, Tf32IsNoticed) { expect_cut_is_noticed(10); }

TEST(Cublas, EveryCoreGivesTheSameBits) {
  const bench::Lab lab = describe();
  const bench::Params size = bench::matmul::sizes(150, 333, 700);
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 3);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 0}) {
    plan_gemm(size, "", threads)->run(set.io(), 1);
    const auto c = set.io().out<float>(kC);
    results.emplace_back(c.begin(), c.end());
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(Cublas, NeedsSayWhy) {
  EXPECT_EQ(tiles_avx2().needs(machine::Cpu{}), "needs AVX2");
  EXPECT_EQ(tiles_avx512().needs(machine::Cpu{}), "needs AVX-512");
}

TEST(CublasCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

/// TF32 alone is what the split technique must not be.
TEST(CublasCuda, Tf32AloneIsNoticed) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  if (!machine::DeviceBlas::why_not().empty()) GTEST_SKIP() << machine::DeviceBlas::why_not();
  bench::Lab lab = describe();
  lab.ragged = {bench::matmul::sizes(64, 64, 4096)};
  lab.cases.clear();
  lab.techniques = {bench::on_gpu("tf32", "", [](const bench::Params& p) {
    auto blas = std::make_shared<machine::DeviceBlas>(machine::BlasMath::kTf32);
    return bench::plan_of([blas, p](const bench::Io& io) {
      blas->gemm(io.stream(), {p["M"], p["N"], p["K"]}, io.in<float>(kA).data(),
                 io.in<float>(kB).data(), io.out<float>(kC).data());
    });
  })};
  EXPECT_NE(bench::check_device_techniques(lab), "");
}

}  // namespace
}  // namespace aisp::labs::ch02::cublas
