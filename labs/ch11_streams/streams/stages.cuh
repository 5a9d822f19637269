// The three stages of a chunk, and the loop that deals chunks to streams in turn.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"
#include "labs/ch11_streams/streams/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"
#include "machine/joined_streams.h"

namespace aisp::labs::ch11::streams {

inline constexpr int kThreads = 128;
inline constexpr int kMaxHidden = 1024;  // 12 KB of shared memory

/// Four values a thread: each weight is read from shared memory once for four multiplications.
static __global__ void __launch_bounds__(kThreads)
    network_kernel(const float* x, const float* weights, float* y, std::int64_t n, int hidden) {
  __shared__ float w[3 * kMaxHidden];
  for (int j = threadIdx.x; j < 3 * hidden; j += kThreads) w[j] = weights[j];
  __syncthreads();
  const float *w1 = w, *b1 = w + hidden, *w2 = w + 2 * hidden;
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * 4;
  float at[4], sum[4] = {0.0F, 0.0F, 0.0F, 0.0F};
#pragma unroll
  for (int k = 0; k < 4; ++k) at[k] = first + k < n ? x[first + k] : 0.0F;
#pragma unroll 4
  for (int j = 0; j < hidden; ++j) {
    const float slope = w1[j], bias = b1[j], out = w2[j];
#pragma unroll
    for (int k = 0; k < 4; ++k) sum[k] += out * fmaxf(slope * at[k] + bias, 0.0F);
  }
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    if (first + k < n) y[first + k] = sum[k];
  }
}

/// Device memory for one chunk on its way.
struct Slot {
  machine::DeviceArray x, y;
  explicit Slot(std::int64_t count)
      : x(4 * static_cast<std::size_t>(count)), y(4 * static_cast<std::size_t>(count)) {}
};

inline void copy_in(const bench::Io& io, const Chunk& chunk, const Slot& slot,
                    cudaStream_t stream) {
  AISP_CUDA(cudaMemcpyAsync(slot.x.as<float>(), io.in<float>(0).data() + chunk.begin,
                            4 * static_cast<std::size_t>(chunk.count), cudaMemcpyHostToDevice,
                            stream));
}
inline void compute(const bench::Io& io, const Chunk& chunk, const Slot& slot,
                    cudaStream_t stream) {
  const auto hidden = static_cast<int>(io.in<float>(1).size() / 3);
  const auto blocks = static_cast<unsigned>((chunk.count + 4 * kThreads - 1) / (4 * kThreads));
  network_kernel<<<blocks, kThreads, 0, stream>>>(slot.x.as<float>(), io.in<float>(1).data(),
                                                  slot.y.as<float>(), chunk.count, hidden);
  AISP_CUDA(cudaGetLastError());
}
inline void copy_out(const bench::Io& io, const Chunk& chunk, const Slot& slot,
                     cudaStream_t stream) {
  AISP_CUDA(cudaMemcpyAsync(io.out<float>(0).data() + chunk.begin, slot.y.as<float>(),
                            4 * static_cast<std::size_t>(chunk.count), cudaMemcpyDeviceToHost,
                            stream));
}

/// Chunks dealt to `streams` streams in turn, each with a buffer of its own: stream order keeps a
/// buffer from being overwritten, and different streams overlap.
inline std::unique_ptr<bench::Plan> plan_dealt(const bench::Params& params, std::size_t streams,
                                               std::int64_t chunks) {
  check(params["hidden"] <= kMaxHidden, "the weights do not fit in shared memory");
  std::vector<Chunk> all = cut(params["n"], chunks);
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < streams; ++i) slots.emplace_back(all[0].count);
  return bench::plan_of(
      [all = std::move(all), slots = std::move(slots),
       dealt = std::make_unique<machine::JoinedStreams>(streams)](const bench::Io& io) {
        dealt->fork(io.stream());
        for (std::size_t c = 0; c < all.size(); ++c) {
          const std::size_t s = c % dealt->size();
          copy_in(io, all[c], slots[s], (*dealt)[s]);
          compute(io, all[c], slots[s], (*dealt)[s]);
          copy_out(io, all[c], slots[s], (*dealt)[s]);
        }
        dealt->join(io.stream());
      });
}

}  // namespace aisp::labs::ch11::streams
