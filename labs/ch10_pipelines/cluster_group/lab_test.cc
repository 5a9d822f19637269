// Every technique on a GPU, and why some cannot run.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch10_pipelines/cluster_group/problem.h"

namespace aisp::labs::ch10::cluster_group {

bench::Lab describe();

namespace {

TEST(ClusterGroup, NeedsSayWhy) {
  machine::CudaDevice ampere = machine::described_h200();
  ampere.major = 8;
  ampere.cluster_launch = false;
  for (const bench::Technique& technique : describe().techniques) {
    const bool cluster = technique.name.starts_with("cluster");
    EXPECT_EQ(technique.needs_device && !technique.needs_device(ampere).empty(), cluster)
        << technique.name;
  }
}

TEST(ClusterGroupCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch10::cluster_group
