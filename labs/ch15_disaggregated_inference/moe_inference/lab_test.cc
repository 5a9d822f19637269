// Every technique is right at smoke and ragged sizes; bf16 tokens and a wrong expert would be
// noticed; the sort is a permutation in the order of the experts.
#include <gtest/gtest.h>

#include <cmath>

#include "bench/verify.h"
#include "labs/ch15_disaggregated_inference/moe_inference/problem.h"

namespace aisp::labs::ch15::moe_inference {

bench::Lab describe();

namespace {

TEST(MoeInference, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

/// sorted_grouped on changed inputs.
bench::Technique with_inputs(void (*change)(std::vector<float>& x,
                                            std::vector<std::int32_t>& ids)) {
  bench::Technique technique = sorted_grouped();
  technique.name = "cheat";
  technique.plan = [change](const bench::Params& params) {
    return bench::plan_of([change, params](const bench::Io& io) {
      std::vector<float> x(io.in<float>(kX).begin(), io.in<float>(kX).end());
      const auto given = io.in<std::int32_t>(kIds);
      std::vector<std::int32_t> ids(given.begin(), given.end());
      change(x, ids);
      std::vector<bench::Io::Buffer> inputs = {{x.data(), x.size() * 4, DType::kF32}};
      for (const std::size_t i : {kW1, kW3, kW2}) {
        const auto w = io.in<float>(i);
        inputs.push_back({const_cast<float*>(w.data()), w.size() * 4, DType::kF32});
      }
      inputs.push_back({ids.data(), ids.size() * 4, DType::kI32});
      const auto gates = io.in<float>(kGates);
      inputs.push_back({const_cast<float*>(gates.data()), gates.size() * 4, DType::kF32});
      const auto y = io.out<float>(kY);
      bench::Io::Buffer output{y.data(), y.size() * 4, DType::kF32};
      sorted_grouped().plan(params)->run(bench::Io(inputs, {&output, 1}), 1);
    });
  };
  return technique;
}

TEST(MoeInference, LowerPrecisionAndAWrongExpertAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[0].smoke;
  const auto nothing = [](std::vector<float>&, std::vector<std::int32_t>&) {};
  const auto bf16_tokens = [](std::vector<float>& x, std::vector<std::int32_t>&) {
    for (float& value : x) value = static_cast<float>(bf16(value));
  };
  const auto wrong_expert = [](std::vector<float>&, std::vector<std::int32_t>& ids) {
    ids.back() = (ids.back() + 1) % 8;
  };
  EXPECT_EQ(bench::run_and_check(lab, size, with_inputs(nothing), 4), "");
  EXPECT_NE(bench::run_and_check(lab, size, with_inputs(bf16_tokens), 4), "");
  EXPECT_NE(bench::run_and_check(lab, size, with_inputs(wrong_expert), 4), "");
}

TEST(MoeInference, SortIsAPermutationInTheOrderOfExperts) {
  const Shape shape({{"T", 3}, {"C", 1}, {"F", 1}, {"E", 5}, {"K", 2}});
  Sorted sorted(shape);
  const std::vector<std::int32_t> ids = {4, 1, 1, 0, 4, 3};
  for (int repeat = 0; repeat < 2; ++repeat) {
    sorted.sort(ids);
    EXPECT_EQ(sorted.first, (std::vector<std::int64_t>{0, 1, 3, 3, 4, 6}));
    EXPECT_EQ(sorted.pair, (std::vector<std::int64_t>{3, 1, 2, 5, 0, 4}));
  }
}

TEST(MoeInference, SiluAtItsEnds) {
  std::vector<float> gate = {0.0f, 100.0f, -100.0f, 1.0f, -1.0f};
  const std::vector<float> up(5, 2.0f);
  silu_times(gate.data(), up.data(), 5);
  EXPECT_EQ(gate[0], 0.0f);
  EXPECT_FLOAT_EQ(gate[1], 200.0f);
  EXPECT_NEAR(gate[2], 0.0f, 1e-30);
  EXPECT_FLOAT_EQ(gate[3], 2.0f / (1.0f + std::exp(-1.0f)));
  EXPECT_FLOAT_EQ(gate[4], -2.0f / (1.0f + std::exp(1.0f)));
}

}  // namespace
}  // namespace aisp::labs::ch15::moe_inference
