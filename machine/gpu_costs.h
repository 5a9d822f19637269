// What each GPU of this machine can do at most, measured: memory, copies, launches, matrix
// products, paths between GPUs. In a build without CUDA, or on a machine without a GPU, the same
// rows come back as not measured, with the reason.
#pragma once

#include <vector>

#include "machine/cost.h"

namespace aisp::machine {

struct GpuCosts {
  std::string gpu;  // "0: NVIDIA H200"
  std::vector<Cost> costs;
  std::vector<NotMeasured> missing;
};

struct GpuCostOptions {
  std::size_t copy_bytes = std::size_t{256} << 20;  // of each transfer
  int samples = 21;                                 // of each figure
  int matrix_size = 8192;                           // M = N = K of the matrix products
};

/// About two seconds for each GPU. Takes at most 8 times copy_bytes and three matrices of
/// device memory, and none of what it cannot get: a row that does not fit is not measured. The
/// card's settings are left alone. Empty with one `missing` entry where no GPU can be used.
std::vector<GpuCosts> measure_gpu_costs(const GpuCostOptions& options = {});

}  // namespace aisp::machine
