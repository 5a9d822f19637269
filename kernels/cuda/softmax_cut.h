// How rows of a softmax are cut into blocks and clusters. Pure.
//
// Source: CUDA C++ Programming Guide 13.0, thread block clusters; sweeps on one H200.
#pragma once

#include "kernels/cuda/grid.h"

namespace aisp::kernels::cuda {

/// Of a block in a cluster: with 16 packs a thread its part of a row is 128 KiB of the 256 of
/// registers, and as much of shared memory.
inline constexpr int kClusterThreads = 512;

struct SoftmaxCut {
  RowConfig row;     // of one block
  bool held = true;  // the row stays in registers; else it is read twice
  int cluster = 1;   // blocks that share a row: 1, 2, 4 or 8
  bool operator==(const SoftmaxCut&) const = default;
};

/// Any n; held where registers of a block, or of a cluster of up to 8 blocks, suffice: 524288
/// bf16. Fewer rows than multiprocessors are shared by clusters too.
/// Rows that are only read (`writes` false) need not be held.
SoftmaxCut choose_softmax_cut(std::int64_t rows, std::int64_t n, int element_bytes, bool aligned,
                              bool writes, const machine::CudaDevice& device);

}  // namespace aisp::kernels::cuda
