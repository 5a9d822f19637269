// Every technique on a GPU; all run on any device.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch10_pipelines/double_buffered_pipeline/problem.h"

namespace aisp::labs::ch10::double_buffered_pipeline {

bench::Lab describe();

namespace {

TEST(DoubleBufferedPipeline, OneProductForAllTechniques) {
  const bench::Lab lab = describe();
  EXPECT_EQ(lab.work(lab.cases[0].full).flops, 2.0 * 1024 * 2048 * 2048);
  for (const bench::Technique& technique : lab.techniques) EXPECT_FALSE(technique.needs_device);
}

TEST(DoubleBufferedPipelineCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch10::double_buffered_pipeline
