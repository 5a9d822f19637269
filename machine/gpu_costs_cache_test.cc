// The GPUs' figures: JSON and back, and when they are measured again.
#include "machine/gpu_costs_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace aisp::machine {
namespace {

int measured = 0;

std::vector<GpuCosts> one_gpu() {
  ++measured;
  GpuCosts gpu{"0: Planted", {}, {{"copy to another GPU", "one GPU is visible"}}};
  gpu.costs.push_back({"device copy", "GB/s", {4000.0 + measured, 3990, 4010}, 4005, "1 GiB"});
  return {gpu};
}

std::vector<GpuCosts> no_gpu() {
  ++measured;
  return {{"", {}, {{"GPU", "no driver"}}}};
}

class GpuCostsCache : public testing::Test {
 protected:
  void SetUp() override { measured = 0; }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  const std::string folder_ = testing::TempDir() + "gpu_costs_" + std::to_string(::getpid());
};

TEST_F(GpuCostsCache, JsonAndBack) {
  const auto gpus = one_gpu();
  const auto again = gpu_costs_from_json(to_json(gpus));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].gpu, "0: Planted");
  EXPECT_EQ(again[0].costs[0].value.low, 3990);
  EXPECT_EQ(again[0].missing[0].why, "one GPU is visible");
  EXPECT_THROW(gpu_costs_from_json(nlohmann::ordered_json::parse("[{\"gpu\": 1}]")), Error);
}

TEST_F(GpuCostsCache, OfTheSameGpusIsNotMeasuredAgain) {
  load_or_measure_gpu_costs(folder_, "a", false, one_gpu);
  const auto again = load_or_measure_gpu_costs(folder_, "a", false, one_gpu);
  EXPECT_EQ(measured, 1);
  EXPECT_EQ(again[0].costs[0].value.estimate, 4001);
  load_or_measure_gpu_costs(folder_, "another driver", false, one_gpu);
  EXPECT_EQ(measured, 2);
  load_or_measure_gpu_costs(folder_, "another driver", true, one_gpu);
  EXPECT_EQ(measured, 3);
}

TEST_F(GpuCostsCache, DamageAndAbsenceAreMeasuredAnew) {
  load_or_measure_gpu_costs(folder_, "a", false, one_gpu);
  std::ofstream(folder_ + "/gpu-ceilings.json")
      << "{\"version\": 1, \"key\": \"a\", \"gpus\": [7]}";
  EXPECT_EQ(load_or_measure_gpu_costs(folder_, "a", false, one_gpu)[0].costs.size(), 1u);
  EXPECT_EQ(measured, 2);
  std::filesystem::remove_all(folder_);
  load_or_measure_gpu_costs(folder_, "a", false, no_gpu);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/gpu-ceilings.json"));
  load_or_measure_gpu_costs(folder_, "", false, one_gpu);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/gpu-ceilings.json"));
}

TEST_F(GpuCostsCache, TheKeyNamesGpusAndDriver) {
  Facts facts;
  EXPECT_EQ(gpu_costs_key(facts), "");
  facts.gpus.emplace_back();
  facts.gpus[0].name = "H200";
  facts.gpu_driver = "580";
  const std::string key = gpu_costs_key(facts);
  facts.gpu_driver = "590";
  EXPECT_NE(gpu_costs_key(facts), key);
}

}  // namespace
}  // namespace aisp::machine
