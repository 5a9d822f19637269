// Every technique is right at smoke and ragged sizes; activations of 7 bits would be noticed; the
// dequantisation in blocks is that of the kernel's packed form, weight by weight.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch16_production_inference/weight_quantization/problem.h"

namespace aisp::labs::ch16::weight_quantization {

bench::Lab describe();

namespace {

TEST(WeightQuantization, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

/// wide_weights with x rounded to `levels` steps a side in groups of 32.
bench::Technique rounded_activations(float levels) {
  bench::Technique cheat = wide_weights();
  cheat.name = "rounded";
  cheat.plan = [levels](const bench::Params& params) {
    return bench::plan_of([=](const bench::Io& io) {
      const auto x = io.in<float>(kX);
      std::vector<float> rounded(x.begin(), x.end());
      for (std::size_t i = 0; i < x.size(); i += 32) {
        float most = 0.0f;
        for (std::size_t j = i; j < i + 32; ++j) most = std::max(most, std::fabs(x[j]));
        for (std::size_t j = i; j < i + 32; ++j) {
          rounded[j] = std::nearbyint(x[j] * levels / most) * most / levels;
        }
      }
      std::vector<bench::Io::Buffer> inputs = {
          {rounded.data(), rounded.size() * 4, DType::kF32, nullptr}};
      for (const std::size_t input : {kStored, kPacked}) {
        const auto bytes = io.fill<std::uint8_t>(input);
        inputs.push_back({bytes.data(), bytes.size(), DType::kU8, nullptr});
      }
      const auto wide = io.fill<float>(kWide);
      inputs.push_back({wide.data(), wide.size_bytes(), DType::kF32, nullptr});
      const auto y = io.out<float>(kY);
      bench::Io::Buffer output{y.data(), y.size_bytes(), DType::kF32, nullptr};
      wide_weights().plan(params)->run(bench::Io(inputs, {&output, 1}), 1);
    });
  };
  return cheat;
}

TEST(WeightQuantization, FewerBitsThanDeclaredAreNoticed) {
  const bench::Lab lab = describe();
  for (const std::int64_t bits : {8, 4}) {
    const bench::Params size = {{"M", 16}, {"N", 96}, {"K", 512}, {"bits", bits}, {"block", 32}};
    EXPECT_EQ(bench::run_and_check(lab, size, rounded_activations(127.0f), 3), "");
    EXPECT_NE(bench::run_and_check(lab, size, rounded_activations(63.0f), 3), "");
  }
}

TEST(WeightQuantization, StoredAndPackedAreTheSameWeights) {
  const bench::Lab lab = describe();
  for (const bench::Params& size : lab.ragged) {
    const Shape s(size);
    bench::InputSet set(lab.problem(size), ::testing::TempDir());
    set.fill(lab, size, 5);
    const kernels::linear::Matrix packed = {
        .type = s.type,
        .n = s.N,
        .k = s.K,
        .data = reinterpret_cast<const std::byte*>(set.io().in<std::uint8_t>(kPacked).data())};
    std::vector<float> a(static_cast<std::size_t>(s.K)), b(a.size());
    for (std::int64_t j = 0; j < s.N; ++j) {
      dequantize_row(s, set.io().in<std::uint8_t>(kStored).data() + j * s.row_bytes(), a.data());
      kernels::linear::unpack_row(packed, j, b.data());
      for (std::size_t k = 0; k < a.size(); ++k) {
        EXPECT_NEAR(a[k], b[k], 0x1p-22f * std::max(1.0f, std::fabs(b[k]))) << j << " " << k;
      }
    }
  }
}

}  // namespace
}  // namespace aisp::labs::ch16::weight_quantization
