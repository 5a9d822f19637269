// Every technique and peer is right at smoke and ragged sizes; bf16 inputs would be noticed.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {

bench::Lab describe();

namespace {

TEST(MatmulTiled, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(MatmulTiled, LowerPrecisionIsNoticed) {
  bench::Lab lab = describe();
  const bench::Technique right = triple_loop();
  bench::Technique cheat = right;
  cheat.name = "bf16_inputs";
  cheat.plan = [](const bench::Params& p) {
    return bench::plan_of([m = p["M"], n = p["N"], k = p["K"]](const bench::Io& io) {
      const auto a = io.in<float>(kA), b = io.in<float>(kB);
      const auto c = io.out<float>(kC);
      for (std::int64_t i = 0; i < m * n; ++i) {
        float sum = 0.0f;
        for (std::int64_t q = 0; q < k; ++q) {
          sum += static_cast<float>(bf16(a[static_cast<std::size_t>(i / n * k + q)])) *
                 static_cast<float>(bf16(b[static_cast<std::size_t>(q * n + i % n)]));
        }
        c[static_cast<std::size_t>(i)] = sum;
      }
    });
  };
  const bench::Params size = {{"M", 16}, {"N", 96}, {"K", 768}};
  EXPECT_EQ(bench::run_and_check(lab, size, right, 5), "");
  EXPECT_NE(bench::run_and_check(lab, size, cheat, 5), "");
}

TEST(MatmulTiled, ZeroRowsOfAGiveZeroRowsOfC) {
  bench::Lab lab = describe();
  lab.prepare = [](const bench::Params& p, std::uint64_t seed, const bench::Io& io) {
    fill_uniform(io.fill<float>(kA), seed);
    fill_uniform(io.fill<float>(kB), seed + 1);
    const auto row = static_cast<std::size_t>(p["K"]);
    for (std::size_t q = 0; q < row; ++q) io.fill<float>(kA)[row + q] = 0.0f;
  };
  lab.reference = [inner = lab.reference](const bench::Params& p, const bench::Io& io,
                                          bench::Expected& expected) {
    inner(p, io, expected);
    const auto row = static_cast<std::size_t>(p["N"]);
    // Scale 0: the comparison then asks for exact zeros.
    for (std::size_t j = 0; j < row; ++j) EXPECT_EQ(expected.outputs[kC].scale[row + j], 0.0);
  };
  EXPECT_EQ(bench::check_all_techniques([&] {
              lab.ragged.clear();
              return lab;
            }()),
            "");
}

TEST(MatmulTiledCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch07::matmul_tiled
