// Every technique on a GPU, and why there are none elsewhere.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch11_streams/warp_specialized_multistream/problem.h"

namespace aisp::labs::ch11::warp_specialized_multistream {

bench::Lab describe();

namespace {

TEST(WarpSpecializedMultistream, NeedsSayWhy) {
  machine::CudaDevice ampere = machine::described_h200();
  ampere.major = 8;
  for (const bench::Technique& technique : describe().techniques) {
    EXPECT_NE(technique.needs_device(ampere), "") << technique.name;
  }
}

TEST(WarpSpecializedMultistreamCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch11::warp_specialized_multistream
