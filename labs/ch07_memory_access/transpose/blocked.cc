// Cache blocking without staging: blocks one cache line (16 floats) on a side, written in output
// order. A block touches 16 + 16 lines and uses each of them whole before it leaves L1, so even 16
// lines that fall into one set of 8 ways cost only L2 hits.
// Source: Lam, Rothberg and Wolf, "The Cache Performance and Optimizations of Blocked Algorithms"
// (ASPLOS 1991): the block that survives depends on the leading dimension.
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {
namespace {

// One line. With a 4096 x 1024 matrix blocks of 32 took 2.1 to 2.7 times as long as blocks of 16:
// 32 lines at a stride of 16 KiB share one set of L1.
constexpr std::int64_t kBlock = 16;

void turn_block(const Call& call, std::int64_t i0, std::int64_t j0) {
  const auto [rows, cols] = call.shape;
  const float* in = call.in + i0 * cols + j0;
  float* out = call.out + j0 * rows + i0;
  for (std::int64_t j = 0; j < kBlock; ++j) {
    for (std::int64_t i = 0; i < kBlock; ++i) out[j * rows + i] = in[i * cols + j];
  }
}

void transpose_blocks(const Call& call) {
  const auto [rows, cols] = call.shape;
  const std::int64_t whole_rows = rows / kBlock * kBlock;
  const std::int64_t whole_cols = cols / kBlock * kBlock;
  for (std::int64_t i = 0; i < whole_rows; i += kBlock) {
    for (std::int64_t j = 0; j < whole_cols; j += kBlock) turn_block(call, i, j);
  }
  transpose_edge(call, whole_rows, rows, 0, whole_cols);
  transpose_edge(call, 0, rows, whole_cols, cols);
}

}  // namespace

bench::Technique blocked() {
  return {.name = "blocked",
          .summary = "blocks of one cache line on a side, plain loops",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([shape = shape_of(params)](const bench::Io& io) {
              transpose_blocks(call_of(io, shape));
            });
          }};
}

}  // namespace aisp::labs::ch07::transpose
