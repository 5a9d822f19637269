// Softmax of every row: y[r][i] = e^(x[r][i] - max_r) / sum_r. Input x[rows][n], output y[rows][n],
// f32. Masked elements are -inf and give 0; a row of nothing but -inf gives NaN (0/0), as in
// PyTorch. Row kernels are shared: online_threads and three_pass_simd run the widest one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch09::online_softmax {

/// Elements a block of the blocked online form. 4 KiB of input stay in L1 between the search for
/// the block's maximum and its exponentials; 64 vectors of 16 lanes make the horizontal maximum
/// cheap.
inline constexpr std::size_t kBlock = 1024;

inline std::size_t block_count(std::int64_t n) {
  return (static_cast<std::size_t>(n) + kBlock - 1) / kBlock;
}

/// Softmax of x[0..n) into y; `shifts` is scratch of block_count(n) floats.
using RowKernel = void (*)(const float* x, float* y, std::size_t n, float* shifts);

/// Three passes and online, by instruction set; callers have checked the CPU.
struct RowKernels {
  RowKernel three_pass = nullptr;
  RowKernel online = nullptr;
};
RowKernels portable_kernels();
RowKernels avx2_kernels();
RowKernels avx512_kernels();
/// The widest of them.
RowKernels choose_kernels(const machine::Cpu& cpu);

/// A plan that runs `kernel` on one row after another.
std::unique_ptr<bench::Plan> plan_rows(const bench::Params& params, RowKernel kernel);

bench::Technique three_pass();
bench::Technique online();
bench::Technique three_pass_simd();
bench::Technique online_portable();
bench::Technique online_avx2();
bench::Technique online_avx512();
bench::Technique online_threads();

}  // namespace aisp::labs::ch09::online_softmax
