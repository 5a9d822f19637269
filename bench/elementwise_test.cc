// The short way to a lab gives a whole one, and its checks notice what is wrong.
#include "bench/elementwise.h"

#include <gtest/gtest.h>

#include "bench/verify.h"

namespace aisp::bench {
namespace {

void axpy(const Io& io) {
  for (std::size_t i = 0; i < io.out<float>(0).size(); ++i) {
    io.out<float>(0)[i] = 2.5f * io.in<float>(0)[i] + io.in<float>(1)[i];
  }
}

void forgets_the_last(const Io& io) {
  for (std::size_t i = 0; i + 1 < io.out<float>(0).size(); ++i) {
    io.out<float>(0)[i] = 2.5f * io.in<float>(0)[i] + io.in<float>(1)[i];
  }
}

Lab lab_of(void (*second)(const Io&)) {
  return elementwise_lab({.question = "Is it right?",
                          .inputs = {"x", "y"},
                          .sizes = {{"small", 100}, {"large", 1 << 20}},
                          .flops = 2,
                          .exact = [](auto v) { return 2.5 * v[0] + v[1]; },
                          .rounding = 5,
                          .techniques = {{"plain", axpy}, {"second", second}}});
}

TEST(Elementwise, MakesAWholeLab) {
  const Lab lab = lab_of(axpy);
  EXPECT_EQ(check_all_techniques(lab), "");
  EXPECT_EQ(lab.baseline, "plain");
  EXPECT_EQ(lab.cases.at(1).smoke["n"], 4096);
  EXPECT_EQ(lab.work(lab.cases.at(0).full).bytes_read, 800.0);
}

TEST(Elementwise, NoticesWhatIsWrong) {
  EXPECT_NE(check_all_techniques(lab_of(forgets_the_last)), "");
}

}  // namespace
}  // namespace aisp::bench
