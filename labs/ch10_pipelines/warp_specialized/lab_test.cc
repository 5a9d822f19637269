// Every technique on a GPU, and why there are none elsewhere.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch10_pipelines/warp_specialized/problem.h"

namespace aisp::labs::ch10::warp_specialized {

bench::Lab describe();

namespace {

TEST(WarpSpecialized, NeedsSayWhy) {
  machine::CudaDevice blackwell = machine::described_h200();
  blackwell.major = 10;
  for (const bench::Technique& technique : describe().techniques) {
    if (technique.role == bench::Role::kPeer) continue;
    EXPECT_EQ(technique.needs_device(machine::described_h200()), "") << technique.name;
    EXPECT_NE(technique.needs_device(blackwell), "") << technique.name;
  }
}

TEST(WarpSpecializedCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch10::warp_specialized
