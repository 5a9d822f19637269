// The kernel of all techniques, and blocks of 32 to 1024 threads. 128 is the baseline: the block
// size that the book starts from, and a common default (PyTorch's elementwise kernels: 128).
// A multiprocessor of Hopper holds 2048 threads but only 32 blocks: blocks of 32 fill half of it.
// Source: CUDA C++ Programming Guide 13.0, table "Technical Specifications per Compute Capability";
// PyTorch, aten/src/ATen/native/cuda/thread_constants.h.
#include "labs/ch08_occupancy/occupancy_tuning/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::occupancy_tuning {
namespace {

__global__ void swiglu(const float* __restrict__ gate, const float* __restrict__ up,
                       float* __restrict__ out, std::int64_t n) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) out[i] = gate[i] / (1.0f + expf(-gate[i])) * up[i];
}

}  // namespace

std::unique_ptr<bench::Plan> plan_blocks(const bench::Params& params, int threads) {
  const std::int64_t n = params["n"];
  const auto blocks = static_cast<unsigned>((n + threads - 1) / threads);
  return bench::plan_of([=](const bench::Io& io) {
    swiglu<<<blocks, threads, 0, io.stream()>>>(io.in<float>(0).data(), io.in<float>(1).data(),
                                                io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

int block_of_occupancy_api() {
  int least_blocks = 0, threads = 0;
  AISP_CUDA(cudaOccupancyMaxPotentialBlockSize(&least_blocks, &threads, swiglu));
  return threads;
}

std::unique_ptr<bench::Plan> plan_block_32(const bench::Params& p) { return plan_blocks(p, 32); }
std::unique_ptr<bench::Plan> plan_block_64(const bench::Params& p) { return plan_blocks(p, 64); }
std::unique_ptr<bench::Plan> plan_block_128(const bench::Params& p) { return plan_blocks(p, 128); }
std::unique_ptr<bench::Plan> plan_block_256(const bench::Params& p) { return plan_blocks(p, 256); }
std::unique_ptr<bench::Plan> plan_block_512(const bench::Params& p) { return plan_blocks(p, 512); }
std::unique_ptr<bench::Plan> plan_block_1024(const bench::Params& p) {
  return plan_blocks(p, 1024);
}

}  // namespace aisp::labs::ch08::occupancy_tuning
