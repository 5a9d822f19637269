// Every technique is right at smoke and ragged sizes; all inputs hold the same weights, bit for
// bit; activations in 7 bits would be noticed.
#include <gtest/gtest.h>

#include <cmath>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch13_profiling_memory/quantized_weights/problem.h"

namespace aisp::labs::ch13::quantized_weights {

bench::Lab describe();

namespace {

TEST(QuantizedWeights, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(QuantizedWeights, AllTypesHoldTheSameNumbers) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.ragged[1];
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 5);
  const bench::Io io = set.io();
  const std::int64_t depth = size["K"], outputs = size["N"];
  std::vector<float> want(static_cast<std::size_t>(depth)), got(want);
  for (std::int64_t row = 0; row < outputs; ++row) {
    dequantize(io.in<std::uint8_t>(kBlocks).data() + row * depth / 32 * 18, depth / 32,
               want.data());
    for (const Input input : {kF32, kBF16, kQ8_0, kQ4_0}) {
      const auto bytes = packed_in(io, input);
      kernels::linear::unpack_row({type_of(input), outputs, depth, bytes.data()}, row, got.data());
      EXPECT_EQ(got, want) << "row " << row << " of input " << input;
    }
  }
}

/// The layer with x rounded to `levels` on each side of zero, in groups of 32.
bench::Technique with_levels(float levels) {
  bench::Technique technique = f32_weights();
  technique.name = "coarser";
  technique.plan = [levels](const bench::Params& p) {
    return bench::plan_of([levels, p](const bench::Io& io) {
      const auto given = io.in<float>(kX);
      std::vector<float> x(given.begin(), given.end());
      for (std::size_t at = 0; at < x.size(); at += 32) {
        float most = 0.0f;
        for (std::size_t i = at; i < at + 32; ++i) most = std::max(most, std::fabs(x[i]));
        for (std::size_t i = at; i < at + 32; ++i) {
          x[i] = std::nearbyint(x[i] * levels / most) * (most / levels);
        }
      }
      const auto w = io.in<float>(kF32);
      const auto y = io.out<float>(kY);
      bench::Io::Buffer inputs[] = {{x.data(), x.size() * 4, DType::kF32},
                                    {nullptr, 0, DType::kU8},
                                    {const_cast<float*>(w.data()), w.size() * 4, DType::kF32}};
      bench::Io::Buffer outputs[] = {{y.data(), y.size() * 4, DType::kF32}};
      f32_weights().plan(p)->run(bench::Io(inputs, outputs), 1);
    });
  };
  return technique;
}

TEST(QuantizedWeights, FewerBitsThanDeclaredAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Params size = {{"T", 16}, {"K", 256}, {"N", 96}};
  EXPECT_EQ(bench::run_and_check(lab, size, with_levels(127.0f), 3), "");
  EXPECT_NE(bench::run_and_check(lab, size, with_levels(63.0f), 3), "");
}

}  // namespace
}  // namespace aisp::labs::ch13::quantized_weights
