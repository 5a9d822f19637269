// Every technique on a GPU, and why there are none elsewhere.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch10_pipelines/batch/problem.h"

namespace aisp::labs::ch10::batch {

bench::Lab describe();

namespace {

TEST(Batch, NeedsSayWhy) {
  machine::CudaDevice ampere = machine::described_h200();
  ampere.major = 8;
  for (const bench::Technique& technique : describe().techniques) {
    EXPECT_NE(technique.needs_device(ampere), "") << technique.name;
  }
}

TEST(BatchCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch10::batch
