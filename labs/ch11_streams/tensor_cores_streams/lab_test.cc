// Every technique on a GPU, and why there are none elsewhere.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch11_streams/tensor_cores_streams/problem.h"

namespace aisp::labs::ch11::tensor_cores_streams {

bench::Lab describe();

namespace {

TEST(TensorCoresStreams, NeedsSayWhy) {
  machine::CudaDevice ampere = machine::described_h200();
  ampere.major = 8;
  for (const bench::Technique& technique : describe().techniques) {
    EXPECT_NE(technique.needs_device(ampere), "") << technique.name;
  }
}

TEST(TensorCoresStreamsCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch11::tensor_cores_streams
