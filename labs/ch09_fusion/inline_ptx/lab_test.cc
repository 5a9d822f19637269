// The lab's device techniques, and the tolerance's power.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch09_fusion/inline_ptx/problem.h"

namespace aisp::labs::ch09::inline_ptx {

bench::Lab describe();

namespace {

TEST(InlinePtxCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

/// The formula in f32 passes; with x in bf16, or with the halves of a byte exchanged, it fails.
TEST(InlinePtx, Bf16AndExchangedHalvesAreNoticed) {
  const bench::Lab lab = describe();
  for (const int fault : {0, 1, 2}) {
    const bench::Technique host = {
        .name = "host", .plan = [fault](const bench::Params& p) {
          const std::int64_t rows = p["rows"], k = p["k"];
          return bench::plan_of([=](const bench::Io& io) {
            for (std::int64_t r = 0; r < rows; ++r) {
              float sum = 0.0f;
              for (std::int64_t i = 0; i < k; ++i) {
                const int two = io.in<std::uint8_t>(kQ)[(r * k + i) / 2];
                const bool high = (i % 2 == 1) != (fault == 2);
                const float x = io.in<float>(kX)[i];
                sum += static_cast<float>((high ? two >> 4 : two & 15) - 8) *
                       (fault == 1 ? static_cast<float>(bf16(x)) : x);
              }
              io.out<float>(0)[r] = sum * io.in<float>(kScale)[r];
            }
          });
        }};
    EXPECT_EQ(bench::run_and_check(lab, lab.cases[0].smoke, host, 5).empty(), fault == 0) << fault;
  }
}

}  // namespace
}  // namespace aisp::labs::ch09::inline_ptx
