// The reference on the GPU, in double: a block for each query, its probabilities in shared memory.
#include "base/check.h"
#include "labs/ch10_pipelines/flashattention3_pipeline/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch10::flashattention3_pipeline {
namespace {

constexpr int kThreads = 128;
constexpr std::int64_t kMostKeys = 2048;  // of a score and a probability, 32 KiB

__device__ double wide(bf16 x) { return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16); }

template <class Combine>
__device__ double over_block(double value, Combine combine) {
  __shared__ double partial[kThreads];
  __syncthreads();
  partial[threadIdx.x] = value;
  __syncthreads();
  double all = partial[0];
  for (int i = 1; i < kThreads; ++i) all = combine(all, partial[i]);
  return all;
}

/// As lab.cc.
__global__ void __launch_bounds__(kThreads)
    attend(const bf16* q, const bf16* k, const bf16* v, bench::ExpectedOnDevice o, int queries,
           int keys, int D, int group, bool causal) {
  __shared__ double score[kMostKeys], p[kMostKeys];
  const int query = static_cast<int>(blockIdx.x), head = static_cast<int>(blockIdx.y);
  const int seen = causal ? min(keys, query + keys - queries + 1) : keys;
  const std::int64_t row = static_cast<std::int64_t>(head) * queries + query;
  q += row * D;
  k += static_cast<std::int64_t>(head / group) * keys * D;
  v += static_cast<std::int64_t>(head / group) * keys * D;
  double largest = -HUGE_VAL;
  for (int j = threadIdx.x; j < seen; j += kThreads) {
    double sum = 0.0;
    for (int d = 0; d < D; ++d) sum += wide(q[d]) * wide(k[static_cast<std::int64_t>(j) * D + d]);
    score[j] = sum / sqrt(static_cast<double>(D));
    largest = fmax(largest, score[j]);
  }
  largest = over_block(largest, [](double a, double b) { return fmax(a, b); });
  double sum = 0.0;
  for (int j = threadIdx.x; j < seen; j += kThreads) sum += p[j] = exp(score[j] - largest);
  sum = over_block(sum, [](double a, double b) { return a + b; });  // and everybody sees p
  for (int d = threadIdx.x; d < D; d += kThreads) {
    double value = 0.0, squares = 0.0;
    for (int j = 0; j < seen; ++j) {
      value += p[j] / sum * wide(v[static_cast<std::int64_t>(j) * D + d]);
    }
    for (int j = 0; j < seen; ++j) {
      const double weight = p[j] / sum, here = fabs(wide(v[static_cast<std::int64_t>(j) * D + d]));
      const double error = weight * (here + fabs(score[j]) * (here + fabs(value)));
      squares += error * error;
    }
    o.value[row * D + d] = value;
    o.scale[row * D + d] = fabs(value) + 6.0 * sqrt(squares);
  }
}

}  // namespace

void reference_on_device(const bench::Params& params, const bench::Io& io,
                         std::span<const bench::ExpectedOnDevice> outputs) {
  const Shape s(params);
  check(s.keys <= kMostKeys, "the reference on the device holds a row of probabilities");
  attend<<<dim3(static_cast<unsigned>(s.queries), static_cast<unsigned>(s.heads)), kThreads, 0,
           io.stream()>>>(io.in<bf16>(0).data(), io.in<bf16>(1).data(), io.in<bf16>(2).data(),
                          outputs[0], static_cast<int>(s.queries), static_cast<int>(s.keys),
                          static_cast<int>(s.D), static_cast<int>(s.heads / s.kv_heads), s.causal);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::labs::ch10::flashattention3_pipeline
