// The lab's device techniques, and the tolerance's power.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/verify.h"
#include "labs/ch09_fusion/compute_bound/problem.h"

namespace aisp::labs::ch09::compute_bound {

bench::Lab describe();

namespace {

TEST(ComputeBoundCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

/// The MLP on the host with hidden values in bf16 passes; with 4 bits less, or relu for gelu, it
/// fails.
TEST(ComputeBound, LowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  for (const int fault : {0, 1, 2}) {
    const bench::Technique host = {
        .name = "host", .plan = [fault](const bench::Params& p) {
          const std::int64_t tokens = p["tokens"], width = p["width"], hidden = p["hidden"];
          return bench::plan_of([=](const bench::Io& io) {
            const auto at = [&](std::size_t index, std::int64_t i) {
              return static_cast<float>(io.in<bf16>(index)[i]);
            };
            std::vector<float> h(hidden);
            for (std::int64_t t = 0; t < tokens; ++t) {
              for (std::int64_t j = 0; j < hidden; ++j) {
                float v = at(kB1, j);
                for (std::int64_t i = 0; i < width; ++i) {
                  v += at(kX, t * width + i) * at(kW1, j * width + i);
                }
                const float inner = 0.7978845608f * (v + 0.044715f * v * v * v);
                v = fault == 2 ? std::max(v, 0.0f) : 0.5f * v * (1.0f + std::tanh(inner));
                bf16 kept(v);
                if (fault == 1) kept.bits = static_cast<std::uint16_t>((kept.bits + 8) & 0xfff0);
                h[j] = static_cast<float>(kept);
              }
              for (std::int64_t i = 0; i < width; ++i) {
                float v = at(kB2, i);
                for (std::int64_t j = 0; j < hidden; ++j) v += h[j] * at(kW2, i * hidden + j);
                io.out<bf16>(0)[t * width + i] = bf16(v);
              }
            }
          });
        }};
    EXPECT_EQ(bench::run_and_check(lab, lab.cases[0].smoke, host, 5).empty(), fault == 0) << fault;
  }
}

}  // namespace
}  // namespace aisp::labs::ch09::compute_bound
