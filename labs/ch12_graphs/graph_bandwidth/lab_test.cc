// The list of tensors, and every technique on a GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch12_graphs/graph_bandwidth/problem.h"

namespace aisp::labs::ch12::graph_bandwidth {

bench::Lab describe();

namespace {

TEST(GraphBandwidth, PiecesFillTheBucketOnceAndStartAligned) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    std::int64_t next = 0;
    for (const Piece& piece : pieces(one.full)) {
      EXPECT_EQ(piece.to, next);
      EXPECT_EQ(piece.from % 128, 0);
      next += piece.count;
    }
    EXPECT_EQ(next, lab.problem(one.full).outputs[0].shape[0]);
  }
  EXPECT_EQ(pieces(lab.cases[0].full).size(), 96U);
  EXPECT_EQ(pieces(lab.cases[1].full).size(), 48U);
}

TEST(GraphBandwidth, NeedsSayWhy) {
  machine::CudaDevice old = machine::described_h200();
  old.driver_version = 12040;
  EXPECT_EQ(describe().techniques[2].needs_device(old), "needs a driver of CUDA 12.8");
}

TEST(GraphBandwidthCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch12::graph_bandwidth
