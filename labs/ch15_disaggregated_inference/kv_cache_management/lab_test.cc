// Every technique is right at smoke and ragged sizes; keys and values in bf16 would be noticed, and
// so would a block that another request overwrote; the place of the cache changes no bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/verify.h"
#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"

namespace aisp::labs::ch15::kv_cache_management {

bench::Lab describe();

namespace {

TEST(KvCacheManagement, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(KvCacheManagement, PlaceOfTheCacheDoesNotChangeASingleBit) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.ragged[1];
  EXPECT_EQ(bench::differing_bits(lab, size), "");
}

/// Serves with blocks that `table` gives for a request, and a cache of this type.
bench::Technique cheat(model::KvType type, std::vector<std::int32_t> (*table)(std::int64_t)) {
  bench::Technique technique = paged();
  technique.name = "cheat";
  technique.plan = [type, table](const bench::Params& params) {
    const Shape shape(params);
    auto state =
        std::make_shared<State>(shape, 2 * shape.count(), shape.count() * shape.prompt, type);
    return bench::plan_of([state, table](const bench::Io& io) {
      std::vector<std::vector<std::int32_t>> tables;
      for (std::int64_t r = 0; r < state->shape.count(); ++r) tables.push_back(table(r));
      serve(*state, io, [&](std::int64_t request, std::int64_t) {
        return std::span<const std::int32_t>(tables[static_cast<std::size_t>(request)]);
      });
    });
  };
  return technique;
}

TEST(KvCacheManagement, LowerPrecisionAndASharedBlockAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[1].smoke;  // 34 tokens: two blocks
  const auto own = [](std::int64_t r) {
    const auto id = static_cast<std::int32_t>(2 * r);
    return std::vector<std::int32_t>{id, id + 1};
  };
  const auto shared = [](std::int64_t r) {
    return std::vector<std::int32_t>{static_cast<std::int32_t>(r), 2};
  };
  EXPECT_EQ(bench::run_and_check(lab, size, cheat(model::KvType::kF32, own), 3), "");
  EXPECT_NE(bench::run_and_check(lab, size, cheat(model::KvType::kBF16, own), 3), "");
  EXPECT_NE(bench::run_and_check(lab, size, cheat(model::KvType::kF32, shared), 3), "");
}

}  // namespace
}  // namespace aisp::labs::ch15::kv_cache_management
