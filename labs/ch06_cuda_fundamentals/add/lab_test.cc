// Addition beyond equality with the reference: every alignment and length with both kinds of
// stores, special values, the choices, and what a lower precision would give.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch06_cuda_fundamentals/add/problem.h"

namespace aisp::labs::ch06::add {

bench::Lab describe();

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<Add> loops_here() {
  std::vector<Add> loops = {add_plain};
  if (machine::cpu().avx2) loops.push_back(add_avx2);
  if (machine::cpu().avx512) loops.push_back(add_avx512);
  return loops;
}

TEST(AddLab, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(AddLab, EveryLengthAndAlignment) {
  std::vector<float> x(300), y(300);
  fill_uniform(x, 1);
  fill_uniform(y, 2);
  for (const Add add : loops_here()) {
    for (const bool stream : {false, true}) {
      for (std::size_t n = 0; n < 100; ++n) {
        for (std::size_t at = 0; at < 17; ++at) {
          std::vector<float> out(140, -9.0f);
          add({x.data() + 3, y.data() + at, out.data() + at, n}, stream);
          for (std::size_t i = 0; i < out.size(); ++i) {
            const bool inside = i >= at && i < at + n;
            ASSERT_EQ(out[i], inside ? x[3 + i - at] + y[i] : -9.0f) << n << " " << at << " " << i;
          }
        }
      }
    }
  }
}

TEST(AddLab, SpecialValues) {
  const bench::Lab lab = describe();
  const bench::Params params{{"n", 37}};
  for (const auto& technique : lab.techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
    bench::InputSet set(lab.problem(params), ::testing::TempDir());
    set.fill(lab, params, 3);
    const bench::Io io = set.io();
    const auto x = io.fill<float>(0), y = io.fill<float>(1);
    x[0] = kInf, y[0] = -kInf;
    x[20] = kInf, y[20] = 1.0f;
    x[36] = std::numeric_limits<float>::denorm_min(), y[36] = 0.0f;
    technique.plan(params)->run(io, 1);
    const auto out = io.out<float>(0);
    EXPECT_TRUE(std::isnan(out[0])) << technique.name;
    EXPECT_EQ(out[20], kInf) << technique.name;
    EXPECT_EQ(out[36], std::numeric_limits<float>::denorm_min()) << technique.name;
  }
}

TEST(AddLab, LowerPrecisionFails) {
  const bench::Lab lab = describe();
  const bench::Technique bf16_data = {.name = "bf16_data", .plan = [](const bench::Params&) {
                                        return bench::plan_of([](const bench::Io& io) {
                                          const Arrays a = arrays_of(io);
                                          for (std::size_t i = 0; i < a.count; ++i)
                                            a.out[i] = float(bf16(a.x[i])) + a.y[i];
                                        });
                                      }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, bf16_data, 1), "");
}

TEST(AddLab, ChoicesAndNeeds) {
  machine::Cpu cpu;
  EXPECT_EQ(choose_add(cpu), &add_plain);
  EXPECT_EQ(simd_avx2().needs(cpu), "needs AVX2");
  EXPECT_EQ(simd_avx512().needs(cpu), "needs AVX-512");
  EXPECT_EQ(streaming().needs(cpu), "needs AVX2");
  cpu.data_caches = {{.level = 2, .size_bytes = 1u << 20}, {.level = 3, .size_bytes = 12u << 20}};
  EXPECT_FALSE(beyond_caches(1u << 20, cpu));
  EXPECT_TRUE(beyond_caches((1u << 20) + 1, cpu));
  cpu.data_caches.pop_back();  // no third level
  EXPECT_TRUE(beyond_caches(1u << 17, cpu));
}

TEST(AddLabCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch06::add
