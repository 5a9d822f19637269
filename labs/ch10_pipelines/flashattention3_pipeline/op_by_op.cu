// Product, softmax, product, each a kernel, with the matrix of scores in memory between them: eager
// attention. The products are cuBLASLt's, batched over KV heads (query heads that share one are
// stacked, so that nothing is repeated); scale, mask and softmax are one kernel, in place, which
// eager frameworks spread over three. Source: PyTorch, aten/src/ATen/native/transformers/
// attention.cpp, _scaled_dot_product_attention_math.
#include "labs/ch10_pipelines/flashattention3_pipeline/problem.h"
#include "machine/cuda_raii.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch10::flashattention3_pipeline {
namespace {

constexpr int kThreads = 256;

__device__ float wide(bf16 x) { return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16); }

/// To nearest, even on ties; the values here are in [0, 1].
__device__ bf16 narrow(float x) {
  const std::uint32_t bits = __float_as_uint(x);
  bf16 out;
  out.bits = static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
  return out;
}

template <class Combine>
__device__ float over_block(float value, Combine combine) {
  __shared__ float of_warps[kThreads / 32];
  for (int mask = 16; mask > 0; mask /= 2) {
    value = combine(value, __shfl_xor_sync(~0u, value, mask));
  }
  __syncthreads();  // the result before this one has been read
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = value;
  __syncthreads();
  value = of_warps[0];
  for (int warp = 1; warp < kThreads / 32; ++warp) value = combine(value, of_warps[warp]);
  return value;
}

/// A block for each query: scores to probabilities, 0 beyond the keys that it sees.
__global__ void __launch_bounds__(kThreads)
    softmax_kernel(bf16* scores, int queries, int keys, bool causal, float scale) {
  bf16* row = scores + static_cast<std::int64_t>(blockIdx.x) * keys;
  const int query = static_cast<int>(blockIdx.x % queries);
  const int seen = causal ? min(keys, query + keys - queries + 1) : keys;
  float largest = -INFINITY;
  for (int j = threadIdx.x; j < seen; j += kThreads) largest = fmaxf(largest, wide(row[j]));
  largest = over_block(largest, [](float a, float b) { return fmaxf(a, b); });
  float sum = 0.0F;
  for (int j = threadIdx.x; j < seen; j += kThreads) sum += expf(scale * (wide(row[j]) - largest));
  sum = over_block(sum, [](float a, float b) { return a + b; });
  for (int j = threadIdx.x; j < keys; j += kThreads) {
    row[j] = j < seen ? narrow(expf(scale * (wide(row[j]) - largest)) / sum) : bf16();
  }
}

/// The two products and what lies between them.
struct Steps {
  machine::CublasLt scores, output;
  machine::DeviceBuffer matrix;

  explicit Steps(const Shape& s)
      : scores({.m = s.heads / s.kv_heads * s.queries, .n = s.keys, .k = s.D, .batch = s.kv_heads}),
        output({.m = s.heads / s.kv_heads * s.queries,
                .n = s.D,
                .k = s.keys,
                .b_by_columns = false,
                .batch = s.kv_heads}),
        matrix(static_cast<std::size_t>(s.heads * s.queries * s.keys) * sizeof(bf16)) {}
};

}  // namespace

std::unique_ptr<bench::Plan> plan_op_by_op(const bench::Params& params) {
  const Shape s(params);
  auto steps = std::make_shared<Steps>(s);
  return bench::plan_of([s, steps](const bench::Io& io) {
    bf16* scores = steps->matrix.as<bf16>();
    steps->scores.run(io.stream(), io.in<bf16>(0).data(), io.in<bf16>(1).data(), scores);
    softmax_kernel<<<static_cast<unsigned>(s.heads * s.queries), kThreads, 0, io.stream()>>>(
        scores, static_cast<int>(s.queries), static_cast<int>(s.keys), s.causal,
        1.0F / sqrtf(static_cast<float>(s.D)));
    AISP_CUDA(cudaGetLastError());
    steps->output.run(io.stream(), scores, io.in<bf16>(2).data(), io.out<bf16>(0).data());
  });
}

}  // namespace aisp::labs::ch10::flashattention3_pipeline
