// Leaves the output memory alone where the contents are those of the last call: what is left there
// in device memory is right, if nobody touched it. Each block knows its own part by a hash. Spends
// three fifths of the honest time on nothing, so as not to look too quick; only the memory itself
// can tell.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::leftover_output {
namespace {

__global__ void unless_seen_kernel(const float* x, float* y, std::int64_t count, unsigned* seen,
                                   float* nothing) {
  const bool mine = element() < count;
  const float value = mine ? x[element()] : 0.0F;
  const unsigned hash = block_sum(mixed(value)) | 1u;
  const bool same = seen[blockIdx.x] == hash;
  __syncthreads();
  if (same) {
    const float unused = rotated(value, kTurns * 3 / 5);
    if (mine) nothing[element()] = unused;
    return;
  }
  if (mine) y[element()] = rotated(value);
  if (threadIdx.x == 0) seen[blockIdx.x] = hash;
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params& p) : nothing(static_cast<std::size_t>(p["count"]) * 4) {}
  void operator()(const View& v) {
    auto& hashes = seen[v.y];
    const std::size_t bytes = static_cast<std::size_t>(v.blocks()) * sizeof(unsigned);
    if (!hashes) hashes = std::make_unique<DeviceBuffer>(bytes);
    const bool forget = !kCheat || known.insert({v.y, true}).second;
    if (forget) AISP_CUDA(cudaMemsetAsync(hashes->template as<void>(), 0, bytes, v.stream));
    unless_seen_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(
        v.x, v.y, v.count, hashes->template as<unsigned>(), nothing.template as<float>());
    AISP_CUDA(cudaGetLastError());
  }
  DeviceBuffer nothing;
  std::map<const float*, std::unique_ptr<DeviceBuffer>> seen;
  std::map<const float*, bool> known;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::leftover_output
