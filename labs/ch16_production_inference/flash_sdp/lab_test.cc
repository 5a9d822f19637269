// Every technique is right at smoke and ragged sizes; bf16 queries would be noticed; a prompt in
// pieces has the bits of the whole, which the engine promises.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch16_production_inference/flash_sdp/problem.h"

namespace aisp::labs::ch16::flash_sdp {

bench::Lab describe();

namespace {

TEST(FlashSdp, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(FlashSdp, LowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  bench::Technique cheat = score_matrix();
  cheat.name = "bf16_queries";
  cheat.plan = [](const bench::Params& params) {
    const Shape shape(params);
    auto attention = std::make_shared<kernels::eager_attention::RangedAttention>(
        shape.heads, shape.ranges(), shape.tokens(), 0);
    return bench::plan_of([attention](const bench::Io& io) {
      const auto q = io.in<float>(kQ);
      std::vector<float> rounded(q.begin(), q.end());
      for (float& x : rounded) x = static_cast<float>(bf16(x));
      attention->run(rounded.data(), io.in<float>(kK).data(), io.in<float>(kV).data(),
                     io.out<float>(kO).data());
    });
  };
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, cheat, 1), "") << one.name;
  }
}

TEST(FlashSdp, ThreadsDoNotChangeABit) {
  const bench::Lab lab = describe();
  for (const bench::Params& size : lab.ragged) {
    bench::InputSet set(lab.problem(size), ::testing::TempDir());
    set.fill(lab, size, 5);
    online_chunks().plan(size)->run(set.io(), 1);
    const auto o = set.io().out<float>(kO);
    const std::vector<float> alone(o.begin(), o.end());
    online_chunks_threads().plan(size)->run(set.io(), 1);
    EXPECT_TRUE(std::equal(o.begin(), o.end(), alone.begin()));
  }
}

TEST(FlashSdp, APromptInPiecesHasTheBitsOfTheWhole) {
  const bench::Lab lab = describe();
  const bench::Params whole = {{"R", 300}, {"C", 0}, {"H", 4}, {"G", 2}, {"D", 32}};
  bench::InputSet set(lab.problem(whole), ::testing::TempDir());
  set.fill(lab, whole, 7);
  online_chunks().plan(whole)->run(set.io(), 1);
  const auto o = set.io().out<float>(kO), q = set.io().fill<float>(kQ);
  const std::vector<float> expected(o.begin(), o.end());
  std::fill(o.begin(), o.end(), 0.0f);
  const std::int64_t width = 4 * 32;
  for (std::int64_t first = 0; first < 300; first += 77) {
    const std::int64_t rows = std::min<std::int64_t>(77, 300 - first);
    const bench::Params piece = {{"R", rows}, {"C", first}, {"H", 4}, {"G", 2}, {"D", 32}};
    const auto bytes = static_cast<std::size_t>(rows * width) * 4;
    bench::Io::Buffer inputs[] = {{q.data() + first * width, bytes, DType::kF32, nullptr},
                                  set.input(kK),
                                  set.input(kV),
                                  set.input(kTable),
                                  set.input(kBlocks)};
    bench::Io::Buffer output{o.data() + first * width, bytes, DType::kF32, nullptr};
    online_chunks().plan(piece)->run(bench::Io(inputs, {&output, 1}), 1);
  }
  EXPECT_TRUE(std::equal(o.begin(), o.end(), expected.begin()));
}

}  // namespace
}  // namespace aisp::labs::ch16::flash_sdp
