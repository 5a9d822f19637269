// Hashes the input block by block and copies the output of contents that came before: right for
// every input there is, and useless for anyone whose inputs are new.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::replay_contents {
namespace {

__global__ void replay_kernel(const float* x, float* y, std::int64_t count, unsigned* seen,
                              float* kept, bool may_replay) {
  const bool mine = element() < count;
  const float value = mine ? x[element()] : 0.0F;
  const unsigned hash = block_sum(mixed(value)) | 1u;
  const bool same = may_replay && seen[blockIdx.x] == hash;
  __syncthreads();
  if (mine && !same) kept[element()] = rotated(value);
  if (mine) y[element()] = kept[element()];
  if (threadIdx.x == 0) seen[blockIdx.x] = hash;
}

template <bool kCheat>
struct Attack {
  struct Known {
    Known(std::size_t bytes, int blocks) : kept(bytes), seen(blocks * sizeof(unsigned)) {
      AISP_CUDA(cudaMemset(seen.as(), 0, seen.bytes()));
    }
    DeviceBuffer kept, seen;
  };
  explicit Attack(const Params&) {}
  void operator()(const View& v) {
    auto& mine = known[v.x];
    if (!mine) mine = std::make_unique<Known>(v.bytes(), v.blocks());
    replay_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(v.x, v.y, v.count,
                                                         mine->seen.template as<unsigned>(),
                                                         mine->kept.template as<float>(), kCheat);
    AISP_CUDA(cudaGetLastError());
  }
  std::map<const float*, std::unique_ptr<Known>> known;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::replay_contents
