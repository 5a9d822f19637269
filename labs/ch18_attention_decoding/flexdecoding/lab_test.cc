// Every technique is right at smoke and ragged sizes; a mask that is off by one token would be
// noticed; the masks themselves, row by row, against their definition.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch18_attention_decoding/flexdecoding/problem.h"

namespace aisp::labs::ch18::flexdecoding {

bench::Lab describe();

namespace {

TEST(FlexDecoding, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(FlexDecoding, MasksAreThoseOfTheirDefinition) {
  const bench::Lab lab = describe();
  for (const bench::Params& size : lab.ragged) {
    const Shape s(size);
    const auto ranges = s.ranges();
    const auto starts = s.bounds();
    for (std::int64_t r = 0; r < s.rows; ++r) {
      const std::int64_t at = s.tokens - s.rows + r;
      const auto& range = ranges[static_cast<std::size_t>(r)];
      for (std::int64_t t = 0; t < s.tokens; ++t) {
        bool seen = t <= at;
        if (s.kind == Kind::kWindow) seen = seen && at - t < s.W;
        if (s.kind == Kind::kPrefix) seen = seen || t < s.W;
        if (s.kind == Kind::kDocuments) {
          for (const std::int64_t start : starts) seen = seen && (t >= start) == (at >= start);
        }
        EXPECT_EQ(seen, range.begin <= t && t < range.end) << r << " " << t;
      }
    }
  }
}

/// mask_matrix with one token too few at the front of each range of two or more.
TEST(FlexDecoding, AMaskOffByOneIsNoticed) {
  const bench::Lab lab = describe();
  bench::Technique cheat = mask_matrix();
  cheat.name = "off_by_one";
  cheat.plan = [](const bench::Params& params) {
    const Shape shape(params);
    auto ranges = shape.ranges();
    for (auto& range : ranges) range.begin += range.end - range.begin > 1 ? 1 : 0;
    auto attention = std::make_shared<kernels::eager_attention::RangedAttention>(
        shape.heads, ranges, shape.tokens, 0);
    return bench::plan_of([attention](const bench::Io& io) {
      attention->run(io.in<float>(kQ).data(), io.in<float>(kK).data(), io.in<float>(kV).data(),
                     io.out<float>(kO).data());
    });
  };
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, cheat, 1), "") << one.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch18::flexdecoding
