// The product of a slice of rows, by the same kernel for every technique. Include from *_sm90.cu.
#pragma once

#include <algorithm>

#include "kernels/cuda/wgmma_gemm.cuh"
#include "labs/ch10_pipelines/batch/problem.h"

namespace aisp::labs::ch10::batch {

/// Rows [first, first + rows) of C.
inline void multiply_rows(const bench::Params& p, const bench::Io& io, std::int64_t first,
                          std::int64_t rows, cudaStream_t stream) {
  namespace cuda = kernels::cuda;
  cuda::launch_wgmma_tiles<cuda::F16Product, 128, 4, cuda::LayoutB::kColumns>(
      io.in<f16>(0).data() + first * p["K"], io.in<f16>(1).data(),
      io.out<f16>(0).data() + first * p["N"], rows, p["N"], p["K"], stream);
}

/// Calls each(part, first, rows) for the micro-batches: equal but for the last.
template <class Each>
void for_each_part(const bench::Params& p, Each each) {
  const std::int64_t size = (p["M"] + p["parts"] - 1) / p["parts"];
  for (std::int64_t part = 0, first = 0; first < p["M"]; ++part, first += size) {
    each(part, first, std::min(size, p["M"] - first));
  }
}

}  // namespace aisp::labs::ch10::batch
