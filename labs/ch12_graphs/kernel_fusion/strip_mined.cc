// The same three loops over strips that stay in L1: fusion without a new kernel, so that an
// interpreter of array expressions can have most of its gain. Source: numexpr's virtual machine,
// which evaluates expressions in blocks.
#include <algorithm>

#include "labs/ch12_graphs/kernel_fusion/problem.h"

namespace aisp::labs::ch12::kernel_fusion {
namespace {

// 4 KiB each of s and y: a quarter of a 32 KiB L1, and some 300 ns of work for each call of a pass.
constexpr std::int64_t kStrip = 1024;

void strips(const float* s, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kStrip) {
    const std::int64_t count = std::min(kStrip, n - i);
    add_pass(s + i, y + i, count);
    multiply_pass(y + i, y + i, count);
    sqrt_pass(y + i, y + i, count);
  }
}

}  // namespace

bench::Technique strip_mined() {
  return {.name = "strip_mined",
          .summary = "the three loops over strips of 4 KiB that stay in L1",
          .plan = [](const bench::Params& params) { return plan_pass(params, strips); }};
}

}  // namespace aisp::labs::ch12::kernel_fusion
