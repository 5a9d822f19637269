// The CUDA device as host code sees it, with and without one. See device.h.
#include "machine/device_reasons.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

#include "base/error.h"

namespace aisp::machine {
namespace {

TEST(Device, saysWhatIsMissing) {
  CudaDevice a100 = described_h200();
  a100.major = 8;
  a100.name = "NVIDIA A100";
  EXPECT_EQ(a100.needs(8), "");
  EXPECT_EQ(a100.needs(9), "needs sm_90, NVIDIA A100 is sm_80");
  EXPECT_EQ(a100.needs_hopper(), "needs sm_90 (Hopper's wgmma), NVIDIA A100 is sm_80");
  EXPECT_EQ(described_h200().needs_hopper(), "");
  CudaDevice blackwell = described_h200();
  blackwell.major = 10;
  EXPECT_NE(blackwell.needs_hopper(), "");
  EXPECT_EQ(CudaDevice{.why_not = "no NVIDIA driver"}.needs(8), "no NVIDIA driver");
}

TEST(Device, saysWhyThereIsNone) {
  EXPECT_EQ(why_no_device({.count = 1}), "");
  EXPECT_EQ(why_no_device({.driver_too_old = true, .runtime_version = 13000}), "no NVIDIA driver");
  EXPECT_EQ(
      why_no_device({.driver_too_old = true, .driver_version = 12040, .runtime_version = 13000}),
      "the NVIDIA driver (CUDA 12.4) is older than this program's runtime (13.0): update the "
      "driver");
  EXPECT_EQ(why_no_device({.no_device = true}), "no NVIDIA GPU");
  EXPECT_EQ(why_no_device({.no_device = true, .visible = ""}),
            "CUDA_VISIBLE_DEVICES=\"\" leaves no GPU");
  EXPECT_EQ(why_no_device({.count = 0, .visible = "7"}),
            "CUDA_VISIBLE_DEVICES=\"7\" leaves no GPU");
  EXPECT_EQ(why_no_device({.other_error = "cudaErrorSystemNotReady: system not yet initialized"}),
            "cudaErrorSystemNotReady: system not yet initialized");
}

TEST(Device, SaysWhatABuildHasNoCodeFor) {
  CudaDevice card = described_h200();
  const auto has = [&](const char* architectures, int major, int minor) {
    card.major = major;
    card.minor = minor;
    return why_no_code(architectures, card).empty();
  };
  EXPECT_TRUE(has("90a-real", 9, 0));
  EXPECT_FALSE(has("90a-real", 8, 0));
  EXPECT_FALSE(has("90a-real", 10, 0));
  EXPECT_TRUE(has("80-virtual,90a-real", 8, 9));
  EXPECT_TRUE(has("80-virtual,90a-real", 12, 0));
  EXPECT_FALSE(has("80-virtual,90a-real", 7, 5));
  EXPECT_TRUE(has("80-real", 8, 6));
  EXPECT_FALSE(has("80-real", 9, 0));
  card.name = "NVIDIA L4";
  EXPECT_FALSE(has("90a-real", 8, 9));
  EXPECT_EQ(why_no_code("90a-real", card),
            "this build has device code for 90a-real and none for NVIDIA L4: configure it with "
            "-DAISP_CUDA_ARCHS=89-real");
}

TEST(Device, aSliceIsKnownByItsName) {
  CudaDevice slice = described_h200();
  EXPECT_FALSE(is_mig_slice(slice));
  slice.name = "NVIDIA H200 MIG 1g.18gb";
  EXPECT_TRUE(is_mig_slice(slice));
}

TEST(Device, withoutOneThereIsAReasonAndAnError) {
  if (cuda_device().why_not.empty()) GTEST_SKIP() << "there is a GPU";
  EXPECT_GT(cuda_device().why_not.size(), 5u);
  EXPECT_THROW(DeviceArray(16), Error);
}

TEST(DeviceCuda, carriesBytesThereAndBack) {
  if (!cuda_device().why_not.empty()) GTEST_SKIP() << cuda_device().why_not;
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 7);
  DeviceArray array{std::span<const int>(numbers)};
  EXPECT_EQ(array.host<int>(), numbers);
  const int one = -1;
  array.upload(&one, sizeof one, 5 * sizeof one);
  numbers[5] = -1;
  EXPECT_EQ(array.host<int>(), numbers);
  DeviceArray moved = std::move(array);
  moved.fill(0);
  EXPECT_EQ(moved.host<int>(), std::vector<int>(1000, 0));
}

}  // namespace
}  // namespace aisp::machine
