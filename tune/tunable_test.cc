// The registry: every kernel has a lab, a case of it for a GPU, and points that can be told apart.
#include "tune/tunable.h"

#include <gtest/gtest.h>

#include <set>

namespace aisp::tune {
namespace {

TEST(Tunables, PointsCanBeToldApart) {
  std::set<std::string> kernels;
  for (const Tunable& kernel : tunables()) {
    EXPECT_TRUE(kernels.insert(kernel.name).second) << kernel.name;
    ASSERT_GE(kernel.points.size(), 2u) << kernel.name;
    EXPECT_LT(kernel.shipped, kernel.points.size());
    std::set<std::string> names;
    for (const Point& point : kernel.points) {
      EXPECT_TRUE(names.insert(point.name()).second) << point.name();
      ASSERT_EQ(point.knobs.size(), kernel.points.front().knobs.size());
      EXPECT_EQ(point.plan == nullptr, AISP_DEVICE(1) == 0) << point.name();
      EXPECT_EQ(point.occupancy == nullptr, AISP_DEVICE(1) == 0) << point.name();
    }
  }
}

TEST(Tunables, AreLabsOfOneCase) {
  const auto entries = labs();
  for (const Tunable& kernel : tunables()) {
    bool found = false;
    for (const bench::LabEntry& entry : entries) {
      if (kernel.name != entry.name) continue;
      found = true;
      const bench::Lab lab = entry.describe();
      ASSERT_EQ(lab.cases.size(), 1u) << kernel.name;
      EXPECT_EQ(lab.cases[0].name, kernel.case_name);
      EXPECT_EQ(lab.cases[0].device, bench::Device::kCuda);
      EXPECT_EQ(lab.techniques.size(), kernel.points.size());
      EXPECT_EQ(lab.device_baseline, kernel.points[kernel.shipped].name());
    }
    const std::string why = why_not_here(kernel);
    EXPECT_TRUE(found || why.find("not in this build") != std::string::npos) << why;
  }
}

TEST(TunablesCuda, TheOccupancyApiAnswersForEveryPoint) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  for (const bench::LabEntry& entry : labs()) {
    const bench::Lab lab = entry.describe();
    for (const Tunable& kernel : tunables()) {
      if (kernel.name != entry.name) continue;
      for (const Point& point : kernel.points) {
        const Occupancy answer = point.occupancy(lab.cases[0].full);
        EXPECT_GT(answer.blocks, 0) << kernel.name << " " << point.name();
        EXPECT_LE(answer.share, 1.0);
      }
    }
  }
}

}  // namespace
}  // namespace aisp::tune
