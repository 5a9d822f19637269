// The contract on the CPU, the techniques on the GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch07_memory_access/tma_bulk_tensor_2d/problem.h"

namespace aisp::labs::ch07::tma_bulk_tensor_2d {

bench::Lab describe();

namespace {

/// Copies row by row, beginning `off` columns too far to the right.
bench::Technique plain_loop(std::int64_t off) {
  return {.name = "loop", .plan = [off](const bench::Params& p) {
            return bench::plan_of([off, p](const bench::Io& io) {
              const Slice slice = slice_of(io, p);
              for (std::int64_t at = 0; at < slice.rows * slice.cols; ++at) {
                slice.out[at] =
                    slice.in[at / slice.cols * slice.stride + (at % slice.cols + off) % slice.cols];
              }
            });
          }};
}

TEST(TmaBulkTensor2d, APlainLoopIsRightAndAShiftIsNoticed) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    EXPECT_EQ(bench::run_and_check(lab, one.smoke, plain_loop(0), 1), "");
    EXPECT_NE(bench::run_and_check(lab, one.smoke, plain_loop(1), 1), "");
  }
}

TEST(TmaBulkTensor2dCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch07::tma_bulk_tensor_2d
