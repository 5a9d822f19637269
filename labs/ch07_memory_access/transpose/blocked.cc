// Cache blocking without staging: blocks one cache line (16 floats) on a side, written in output
// order. A block touches 16 + 16 lines and uses each of them whole before it leaves L1, so even 16
// lines that fall into one set of 8 ways cost only L2 hits.
// Source: Lam, Rothberg and Wolf, "The Cache Performance and Optimizations of Blocked Algorithms"
// (ASPLOS 1991): the block that survives depends on the leading dimension.
#include <algorithm>

#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {
namespace {

// One line. With a 4096 x 1024 matrix blocks of 32 took 2.1 to 2.7 times as long as blocks of 16:
// 32 lines at a stride of 16 KiB share one set of L1.
constexpr std::int64_t kBlock = 16;

}  // namespace

bench::Technique blocked() {
  return {.name = "blocked",
          .summary = "blocks of one cache line on a side, plain loops",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
              const Call call = call_of(io, shape);
              for (std::int64_t i = 0; i < shape.rows; i += kBlock) {
                for (std::int64_t j = 0; j < shape.cols; j += kBlock) {
                  transpose_edge(call, i, std::min(i + kBlock, shape.rows), j,
                                 std::min(j + kBlock, shape.cols));
                }
              }
            });
          }};
}

}  // namespace aisp::labs::ch07::transpose
