// The contract on the CPU, the techniques on the GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch07_memory_access/float4_vector/problem.h"

namespace aisp::labs::ch07::float4_vector {

bench::Lab describe();

namespace {

bench::Technique plain_loop(bool round_inputs) {
  return {.name = "loop", .plan = [round_inputs](const bench::Params&) {
            return bench::plan_of([round_inputs](const bench::Io& io) {
              const auto x = io.in<float>(0), y = io.in<float>(1);
              for (std::size_t i = 0; i < x.size(); ++i) {
                io.out<float>(0)[i] = (round_inputs ? float(bf16(x[i])) : x[i]) + y[i];
              }
            });
          }};
}

TEST(Float4Vector, APlainLoopIsRightAndLowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  EXPECT_EQ(bench::run_and_check(lab, lab.cases[0].smoke, plain_loop(false), 1), "");
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, plain_loop(true), 1), "");
}

TEST(Float4VectorCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch07::float4_vector
