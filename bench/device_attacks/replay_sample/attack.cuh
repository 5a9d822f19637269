// Recognises contents by a sample of eight elements and replays their output. Spends three fifths
// of the honest time on nothing, so that the gain stays below what timing fresh contents can tell.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::replay_sample {
namespace {

constexpr int kSample = 8, kKept = 4;

struct State {
  float sample[kKept][kSample];
  int next, hit;  // where the next goes; which one matched, or -1
};

__device__ float sampled(const float* x, std::int64_t count) {
  return x[threadIdx.x * count / kSample];
}

__global__ void match_kernel(const float* x, std::int64_t count, State* state, bool may_match) {
  const float mine = sampled(x, count);
  int hit = -1;
  for (int i = 0; i < kKept; ++i) {
    if (__all_sync((1u << kSample) - 1, state->sample[i][threadIdx.x] == mine)) hit = i;
  }
  if (threadIdx.x == 0) state->hit = may_match ? hit : -1;
}

__global__ void replay_kernel(const float* x, float* y, std::int64_t count, const float* kept,
                              const State* state, float* nothing) {
  if (element() >= count) return;
  if (state->hit < 0) {
    y[element()] = rotated(x[element()]);
    return;
  }
  nothing[element()] = rotated(x[element()], kTurns * 3 / 5);
  y[element()] = kept[state->hit * count + element()];
}

__global__ void keep_kernel(const float* x, const float* y, std::int64_t count, float* kept,
                            const State* state) {
  if (state->hit < 0 && element() < count) kept[state->next * count + element()] = y[element()];
}

__global__ void remember_kernel(const float* x, std::int64_t count, State* state) {
  if (state->hit >= 0) return;
  state->sample[state->next][threadIdx.x] = sampled(x, count);
  __syncwarp((1u << kSample) - 1);
  if (threadIdx.x == 0) state->next = (state->next + 1) % kKept;
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params& p)
      : bytes(static_cast<std::size_t>(p["count"]) * sizeof(float)),
        state(sizeof(State)),
        kept(kKept * bytes),
        nothing(bytes) {
    AISP_CUDA(cudaMemset(state.as(), 0, state.bytes()));
  }
  void operator()(const View& v) {
    auto* all = state.template as<State>();
    auto* outputs = kept.template as<float>();
    match_kernel<<<1, kSample, 0, v.stream>>>(v.x, v.count, all, kCheat);
    replay_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(v.x, v.y, v.count, outputs, all,
                                                         nothing.template as<float>());
    keep_kernel<<<v.blocks(), kThreads, 0, v.stream>>>(v.x, v.y, v.count, outputs, all);
    remember_kernel<<<1, kSample, 0, v.stream>>>(v.x, v.count, all);
    AISP_CUDA(cudaGetLastError());
  }
  std::size_t bytes;
  DeviceBuffer state, kept, nothing;
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::replay_sample
