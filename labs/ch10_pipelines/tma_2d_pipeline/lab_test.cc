// Every technique on a GPU, and why some cannot run.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch10_pipelines/tma_2d_pipeline/problem.h"

namespace aisp::labs::ch10::tma_2d_pipeline {

bench::Lab describe();

namespace {

TEST(Tma2dPipeline, NeedsSayWhy) {
  machine::CudaDevice ampere = machine::described_h200();
  ampere.major = 8;
  EXPECT_FALSE(describe().techniques[0].needs_device);
  EXPECT_NE(describe().techniques[1].needs_device(ampere), "");
  EXPECT_NE(describe().techniques[2].needs_device(ampere), "");
}

TEST(Tma2dPipelineCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch10::tma_2d_pipeline
