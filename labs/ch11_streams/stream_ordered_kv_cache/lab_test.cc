// The reference's layout, and every technique on a GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch11_streams/stream_ordered_kv_cache/problem.h"

namespace aisp::labs::ch11::stream_ordered_kv_cache {

bench::Lab describe();

namespace {

TEST(StreamOrderedKvCache, OneTokenAttendsToItself) {
  const bench::Lab lab = describe();
  const bench::Params size = {{"layers", 2}, {"heads", 3}, {"tokens", 1}, {"D", 2}};
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 1);
  const auto expected = bench::compute_expected(lab, size, set);
  for (std::size_t l = 0; l < 2; ++l) {
    for (std::size_t i = 0; i < 6; ++i) {
      const double value = set.io().in<float>(0)[l * 12 + 6 + i];
      EXPECT_DOUBLE_EQ(expected.outputs[1].value[l * 6 + i], value);
      EXPECT_DOUBLE_EQ(expected.outputs[0].value[l * 12 + 6 + i], value);
    }
  }
}

TEST(StreamOrderedKvCacheCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch11::stream_ordered_kv_cache
