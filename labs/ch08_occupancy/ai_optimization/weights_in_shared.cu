// The book's remedy: as four_accumulators, with the weights copied to shared memory first, so that
// the loop reads them without L1's tags. Blocks share them in pieces of 16 KiB, since a row of
// weights may be longer than shared memory.
#include "labs/ch08_occupancy/ai_optimization/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch08::ai_optimization {
namespace {

constexpr int kThreads = 128;  // as one_accumulator
constexpr int kPiece = 4096;   // floats: 16 KiB: the whole of w up to a width of 4096

__global__ void dot(const float* __restrict__ x, const float* __restrict__ w, float* __restrict__ y,
                    std::int64_t rows, std::int64_t n) {
  __shared__ float4 weights[kPiece / 4];
  const std::int64_t row = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const float* mine = x + row * n;
  float4 sum = {};
  for (std::int64_t from = 0; from < n; from += kPiece) {
    const int count = static_cast<int>(n - from < kPiece ? n - from : kPiece);
    __syncthreads();  // the piece before has been read
    for (int k = threadIdx.x; k < count; k += kThreads) {
      reinterpret_cast<float*>(weights)[k] = w[from + k];
    }
    __syncthreads();
    if (row >= rows) continue;
    const int vectors = n % 4 == 0 ? count / 4 : 0;
    for (int k = 0; k < vectors; ++k) {
      const float4 a = reinterpret_cast<const float4*>(mine + from)[k];
      const float4 b = weights[k];
      sum.x += a.x * b.x;
      sum.y += a.y * b.y;
      sum.z += a.z * b.z;
      sum.w += a.w * b.w;
    }
    for (int k = 4 * vectors; k < count; ++k) {
      sum.x += mine[from + k] * reinterpret_cast<const float*>(weights)[k];
    }
  }
  if (row < rows) y[row] = (sum.x + sum.y) + (sum.z + sum.w);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_weights_in_shared(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"];
  return bench::plan_of([=](const bench::Io& io) {
    dot<<<static_cast<unsigned>((rows + kThreads - 1) / kThreads), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), rows, n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch08::ai_optimization
