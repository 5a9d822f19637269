// Every technique on a GPU, the tolerance's power, and why a technique cannot run elsewhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/verify.h"
#include "labs/ch10_pipelines/flashattention3_pipeline/problem.h"

namespace aisp::labs::ch10::flashattention3_pipeline {

bench::Lab describe();

namespace {

TEST(Flashattention3PipelineCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

float with_bits(float x, int kept) {
  int exponent = 0;
  const float fraction = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, kept)), exponent - kept);
}

/// Attention in float whose probabilities keep so many significant bits.
bench::Technique with_probabilities_of(int bits) {
  return {.name = "narrow", .plan = [bits](const bench::Params& params) {
            return bench::plan_of([bits, s = Shape(params)](const bench::Io& io) {
              std::vector<float> p(static_cast<std::size_t>(s.keys));
              for (std::int64_t row = 0; row < s.heads * s.queries; ++row) {
                const std::int64_t head = row / s.queries / (s.heads / s.kv_heads);
                const std::int64_t i = row % s.queries;
                const std::int64_t seen =
                    s.causal ? std::min(s.keys, i + s.keys - s.queries + 1) : s.keys;
                const bf16* q = io.in<bf16>(0).data() + row * s.D;
                const bf16* k = io.in<bf16>(1).data() + head * s.keys * s.D;
                const bf16* v = io.in<bf16>(2).data() + head * s.keys * s.D;
                float sum = 0.0f;
                for (std::int64_t j = 0; j < seen; ++j) {
                  float dot = 0.0f;
                  for (std::int64_t d = 0; d < s.D; ++d) dot += float(q[d]) * float(k[j * s.D + d]);
                  p[j] = std::exp(dot / std::sqrt(static_cast<float>(s.D)));
                  sum += p[j];
                }
                for (std::int64_t d = 0; d < s.D; ++d) {
                  float o = 0.0f;
                  for (std::int64_t j = 0; j < seen; ++j) {
                    o += with_bits(p[j] / sum, bits) * float(v[j * s.D + d]);
                  }
                  io.out<bf16>(0)[row * s.D + d] = bf16(o);
                }
              }
            });
          }};
}

TEST(Flashattention3Pipeline, ProbabilitiesOfFewBitsAreNoticed) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    EXPECT_EQ(bench::run_and_check(lab, one.smoke, with_probabilities_of(8), 5), "");
    EXPECT_NE(bench::run_and_check(lab, one.smoke, with_probabilities_of(4), 5), "");
  }
}

TEST(Flashattention3Pipeline, NeedsSayWhy) {
  machine::CudaDevice turing = machine::described_h200();
  turing.major = 7;
  EXPECT_NE(tiles_in_registers().needs_device(turing), "");
  EXPECT_NE(wgmma_roles().needs_device(turing), "");
  EXPECT_EQ(wgmma_roles().needs_device(machine::described_h200()), "");
}

}  // namespace
}  // namespace aisp::labs::ch10::flashattention3_pipeline
