// Tiles of 128 x 128 in shared memory and 8 x 8 of C in each thread's registers: 16 loads from
// shared memory for 64 multiply-adds.
#include "kernels/cuda/simt_gemm.cuh"
#include "labs/ch09_fusion/micro_tiling/problem.h"

namespace aisp::labs::ch09::micro_tiling {

std::unique_ptr<bench::Plan> plan_register_tile(const bench::Params& params) {
  return bench::plan_of([m = params["M"], n = params["N"], k = params["K"]](const bench::Io& io) {
    kernels::cuda::launch_simt_tiles<true>(io.in<float>(0).data(), io.in<float>(1).data(),
                                           io.out<float>(0).data(), m, n, k, io.stream());
  });
}

}  // namespace aisp::labs::ch09::micro_tiling
