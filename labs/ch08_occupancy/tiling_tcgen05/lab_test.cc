// The lab's device techniques; both forms of B are one matrix.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch08_occupancy/tiling_tcgen05/problem.h"

namespace aisp::labs::ch08::tiling_tcgen05 {

bench::Lab describe();

namespace {

TEST(TilingTcgen05Cuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

/// A product of B_transposed on the host is right; one that takes B for B_transposed is not.
TEST(TilingTcgen05, TransposedInputIsTheTranspose) {
  const bench::Lab lab = describe();
  for (const Input input : {kBTransposed, kB}) {
    const bench::Technique host = {.name = "host", .plan = [input](const bench::Params& p) {
                                     const std::int64_t m = p["M"], n = p["N"], k = p["K"];
                                     return bench::plan_of([=](const bench::Io& io) {
                                       const auto a = io.in<f16>(kA), b = io.in<f16>(input);
                                       for (std::int64_t i = 0; i < m * n; ++i) {
                                         float sum = 0.0f;
                                         for (std::int64_t q = 0; q < k; ++q) {
                                           sum += static_cast<float>(a[i / n * k + q]) *
                                                  static_cast<float>(b[i % n * k + q]);
                                         }
                                         io.out<f16>(0)[i] = f16(sum);
                                       }
                                     });
                                   }};
    EXPECT_EQ(bench::run_and_check(lab, lab.cases[0].smoke, host, 5).empty(),
              input == kBTransposed);
  }
}

}  // namespace
}  // namespace aisp::labs::ch08::tiling_tcgen05
