// What a GPU can do, where there is one; where there is none, its absence as data.
#include "machine/gpu_costs.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace aisp::machine {
namespace {

const GpuCostOptions kShort = {
    .copy_bytes = std::size_t{16} << 20, .samples = 7, .matrix_size = 1024};

TEST(GpuCosts, EitherFiguresOrAReason) {
  const auto gpus = measure_gpu_costs(kShort);
  ASSERT_FALSE(gpus.empty());
  for (const GpuCosts& gpu : gpus) {
    if (gpu.gpu.empty()) {
      EXPECT_TRUE(gpu.costs.empty());
      ASSERT_EQ(gpu.missing.size(), 1u);
      EXPECT_FALSE(gpu.missing[0].why.empty());
      continue;
    }
    EXPECT_GE(gpu.costs.size(), 10u);
    for (const Cost& cost : gpu.costs) {
      EXPECT_GT(cost.value.low, 0.0) << cost.name;
      EXPECT_LE(cost.value.low, cost.value.estimate) << cost.name;
      EXPECT_LE(cost.value.estimate, cost.value.high) << cost.name;
    }
  }
}

TEST(GpuCosts, AGpuHidesBehindTheVariable) {
  // A fresh process: the runtime reads the variable once.
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  ASSERT_EXIT(
      {
        setenv("CUDA_VISIBLE_DEVICES", "", 1);
        const auto gpus = measure_gpu_costs(kShort);
        std::exit(gpus.size() == 1 && gpus[0].gpu.empty() && !gpus[0].missing[0].why.empty() ? 0
                                                                                             : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace aisp::machine
