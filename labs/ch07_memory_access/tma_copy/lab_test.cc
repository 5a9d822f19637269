// The contract on the CPU, the techniques on the GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch07_memory_access/tma_copy/problem.h"

namespace aisp::labs::ch07::tma_copy {

bench::Lab describe();

namespace {

/// Plain loops; `taps_late`: the sequence begins that many tokens too early.
bench::Technique plain_loop(bool round_inputs, std::int64_t taps_late) {
  return {.name = "loop", .plan = [=](const bench::Params& p) {
            return bench::plan_of([=](const bench::Io& io) {
              const Conv conv = conv_of(io, p);
              for (std::int64_t t = 0; t < conv.tokens; ++t) {
                for (std::int64_t c = 0; c < conv.channels; ++c) {
                  float sum = 0.0f;
                  for (std::int64_t k = 0; k < kTaps; ++k) {
                    const std::int64_t from = t - (kTaps - 1) + k - taps_late;
                    if (from < 0) continue;
                    const float x = conv.x[from * conv.channels + c];
                    sum += conv.w[c * kTaps + k] * (round_inputs ? float(bf16(x)) : x);
                  }
                  conv.out[t * conv.channels + c] = sum;
                }
              }
            });
          }};
}

TEST(TmaCopy, APlainLoopIsRightAndMistakesAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Params smoke = lab.cases[0].smoke;
  EXPECT_EQ(bench::run_and_check(lab, smoke, plain_loop(false, 0), 1), "");
  EXPECT_NE(bench::run_and_check(lab, smoke, plain_loop(true, 0), 1), "");
  EXPECT_NE(bench::run_and_check(lab, smoke, plain_loop(false, 1), 1), "");
}

TEST(TmaCopy, TheRingNeedsTheCopyEngine) {
  machine::CudaDevice ampere = machine::described_h200();
  ampere.major = 8;
  EXPECT_EQ(describe().techniques[3].needs_device(ampere).substr(0, 11), "needs sm_90");
  EXPECT_EQ(describe().techniques[3].needs_device(machine::described_h200()), "");
}

TEST(TmaCopyCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch07::tma_copy
