// Every technique is right at smoke and ragged sizes; a coarser query would be noticed in both
// forms of the cache; where blocks lie does not change a bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch16_production_inference/paged_attention/problem.h"

namespace aisp::labs::ch16::paged_attention {

bench::Lab describe();

namespace {

TEST(PagedAttentionLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

template <class T>
bench::Io::Buffer buffer(const bench::Io& io, std::size_t input) {
  const auto all = io.fill<T>(input);
  return {all.data(), all.size_bytes(), dtype_of<T>::value, nullptr};
}

/// gather_dense with queries rounded: to bf16, or to `levels` steps a side.
bench::Technique rounded_queries(float levels) {
  bench::Technique cheat = gather_dense();
  cheat.name = "rounded_queries";
  cheat.plan = [levels](const bench::Params& params) {
    return bench::plan_of([=](const bench::Io& io) {
      const auto q = io.in<float>(kQ);
      const auto size = static_cast<std::size_t>(params["D"]);
      std::vector<float> rounded(q.begin(), q.end());
      for (std::size_t i = 0; i < rounded.size(); ++i) {
        float most = 0.0f;
        for (std::size_t d = 0; d < size; ++d) {
          most = std::max(most, std::fabs(q[i / size * size + d]));
        }
        rounded[i] = levels == 0.0f ? static_cast<float>(bf16(q[i]))
                                    : std::nearbyint(q[i] * levels / most) * most / levels;
      }
      const bool bytes = params["bits"] == 8;
      bench::Io::Buffer inputs[] = {
          {rounded.data(), rounded.size() * 4, DType::kF32, nullptr},
          buffer<std::int32_t>(io, kContexts),
          buffer<std::int32_t>(io, kTables),
          bytes ? buffer<std::int8_t>(io, kPoolK) : buffer<bf16>(io, kPoolK),
          bytes ? buffer<std::int8_t>(io, kPoolV) : buffer<bf16>(io, kPoolV),
          buffer<float>(io, kScaleK),
          buffer<float>(io, kScaleV),
          buffer<std::uint8_t>(io, kBlocks)};
      const auto o = io.out<float>(kO);
      bench::Io::Buffer output{o.data(), o.size() * 4, DType::kF32, nullptr};
      gather_dense().plan(params)->run(bench::Io(inputs, {&output, 1}), 1);
    });
  };
  return cheat;
}

TEST(PagedAttentionLab, CoarserQueriesAreNoticed) {
  const bench::Lab lab = describe();
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, rounded_queries(0.0f), 1), "");
  EXPECT_EQ(bench::run_and_check(lab, lab.cases[1].smoke, rounded_queries(127.0f), 1), "");
  EXPECT_NE(bench::run_and_check(lab, lab.cases[1].smoke, rounded_queries(31.0f), 1), "");
}

TEST(PagedAttentionLab, CopyingBlocksDoesNotChangeABit) {
  const bench::Lab lab = describe();
  for (const bench::Params& size : lab.ragged) {
    bench::InputSet set(lab.problem(size), ::testing::TempDir());
    set.fill(lab, size, 5);
    std::vector<float> first;
    for (const bench::Technique& technique : {gather_blocks(), paged(), paged_threads()}) {
      technique.plan(size)->run(set.io(), 1);
      const auto o = set.io().out<float>(kO);
      if (first.empty()) first.assign(o.begin(), o.end());
      EXPECT_TRUE(std::equal(o.begin(), o.end(), first.begin())) << technique.name;
    }
  }
}

}  // namespace
}  // namespace aisp::labs::ch16::paged_attention
