// Every technique is right at smoke and ragged sizes; 7-bit activations would be noticed; scaling
// tile by tile or in a pass of its own gives the same bits.
#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {

bench::Lab describe();

namespace {

TEST(Quantization, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

/// The layer with activations rounded to `levels` on each side of zero.
bench::Technique with_levels(float levels) {
  bench::Technique technique = f32_gemm();
  technique.name = "coarser";
  technique.plan = [levels](const bench::Params& p) {
    return bench::plan_of([levels, p](const bench::Io& io) {
      const auto depth = static_cast<std::size_t>(p["C"]), n = static_cast<std::size_t>(p["N"]);
      const auto x = io.in<float>(kX), scale = io.in<float>(kScales);
      const auto w = io.in<std::int8_t>(kQuantizedW);
      for (std::size_t t = 0; t < static_cast<std::size_t>(p["T"]); ++t) {
        float largest = 0.0f;
        for (std::size_t c = 0; c < depth; ++c) {
          largest = std::max(largest, std::fabs(x[t * depth + c]));
        }
        for (std::size_t j = 0; j < n; ++j) {
          float sum = 0.0f;
          for (std::size_t c = 0; c < depth; ++c) {
            sum += std::nearbyint(x[t * depth + c] * levels / largest) *
                   static_cast<float>(w[c * n + j]);
          }
          io.out<float>(kY)[t * n + j] = sum * (largest / levels) * scale[j];
        }
      }
    });
  };
  return technique;
}

TEST(Quantization, FewerBitsThanDeclaredAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Params size = {{"T", 16}, {"C", 256}, {"N", 96}};
  EXPECT_EQ(bench::run_and_check(lab, size, with_levels(127.0f), 3), "");
  EXPECT_NE(bench::run_and_check(lab, size, with_levels(63.0f), 3), "");
}

TEST(Quantization, ScalingByTilesOrInAPassGivesTheSameBits) {
  const bench::Params size = {{"T", 33}, {"C", 130}, {"N", 77}};
  std::vector<float> x(33 * 130), scale(77), by_tile(33 * 77), by_pass(by_tile);
  std::vector<float> w(130 * 77);
  std::vector<std::int8_t> q(w.size());
  Rng rng(1);
  fill_normal(x, 2);
  fill_uniform(scale, 3, 0.01f, 0.02f);
  for (auto& value : q) value = static_cast<std::int8_t>(rng.next() >> 40);
  const auto run = [&](const bench::Technique& technique, std::vector<float>& y) {
    bench::Io::Buffer inputs[] = {{x.data(), x.size() * 4, DType::kF32, nullptr},
                                  {w.data(), w.size() * 4, DType::kF32, nullptr},
                                  {q.data(), q.size(), DType::kI8, nullptr},
                                  {scale.data(), scale.size() * 4, DType::kF32, nullptr}};
    bench::Io::Buffer outputs[] = {{y.data(), y.size() * 4, DType::kF32, nullptr}};
    technique.plan(size)->run(bench::Io(inputs, outputs), 1);
  };
  run(int8_scaled_tiles(), by_tile);
  run(int8_three_passes(), by_pass);
  EXPECT_EQ(by_tile, by_pass);
}

}  // namespace
}  // namespace aisp::labs::ch13::quantization
