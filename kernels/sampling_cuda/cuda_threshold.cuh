// The threshold of a filter: rounds of weighing or counting what lies above eight pivots, and when
// few logits are left in the range, an exact choice among them. Reading order: threshold, weigh,
// choose. Every sum that is compared is an integer.
//
// Source: FlashInfer's dual pivots, arXiv:2501.01005.
#pragma once

#include <cfloat>

#include "kernels/sampling_cuda/cuda_group.cuh"
#include "kernels/sampling_cuda/cuda_row.cuh"

namespace aisp::kernels::sampling_cuda {

constexpr int kPivots = 8;
// Rounds that place pivots evenly by value; later ones by the order of floats, which ends after
// 32 / log2(9) more, whatever the logits are.
constexpr int kRoundsByValue = 4;
// A mass of 1 (the largest logit's). A thread's sum stays below 2^18 of them.
constexpr float kOne = 0x1p40F;

__device__ inline std::uint64_t fixed(float mass) { return __float2ull_rz(mass * kOne); }

// Weights of logits: 1 for the largest.
struct Weights {
  float largest, per_logit;  // log2(e) / temperature
  /// At most 1 also for +Inf, whose distance from itself is NaN.
  __device__ float operator()(float x) const {
    return exp2_flushed(fminf((x - largest) * per_logit, 0.0F));
  }
};

// The range that still holds the threshold, and what lies at or above its end.
struct Range {
  float low, high;
  std::uint64_t mass_above, count_above;
};

// Pivot i of kPivots + 1; the first is the range's own end.
__device__ inline float pivot_of(const Range& range, const Weights& weights, int round, int i) {
  if (i == 0) return range.low;
  // In nats below the largest logit: a nucleus mostly ends between 1 and 8.
  constexpr float kFirst[kPivots] = {14.0F, 10.5F, 8.0F, 6.0F, 4.5F, 3.0F, 1.5F, 0.5F};
  const std::uint32_t low = order_of(range.low), high = order_of(range.high);
  const float part = static_cast<float>(i) / (kPivots + 1);
  float at = range.low * (1.0F - part) + range.high * part;
  if (round == 0) at = weights.largest - kFirst[i - 1] * (1.4426950408889634F / weights.per_logit);
  if (round >= kRoundsByValue || (round > 0 && range.low == -FLT_MAX)) {
    at = float_of(low + static_cast<std::uint32_t>(std::uint64_t{high - low} * i / (kPivots + 1)));
  }
  // Inside the range, so that each round makes it smaller.
  return float_of(min(max(order_of(at), low + 1), high - 1));
}

// What lies in the range at or above each pivot: counts, and masses kPivots + 1 slots on.
template <bool kByMass, class Row, class Shared>
__device__ void weigh(const Row& row, Shared& group, const Range& range, const Weights& weights) {
  float pivots[kPivots + 1], mass[kPivots + 1] = {};
  int count[kPivots + 1] = {};
#pragma unroll
  for (int i = 0; i <= kPivots; ++i) pivots[i] = group.own().pivots[i];
  row.for_each([&](const float4& four, int) {
#pragma unroll
    for (const float x : {four.x, four.y, four.z, four.w}) {
      if (!(x >= range.low && x < range.high)) continue;
      const float weight = kByMass ? weights(x) : 0.0F;
#pragma unroll
      for (int i = 0; i <= kPivots; ++i) {
        if (x >= pivots[i]) {
          ++count[i];
          if constexpr (kByMass) mass[i] += weight;
        }
      }
    }
  });
#pragma unroll
  for (int i = 0; i <= kPivots; ++i) {
    group.put(i, __reduce_add_sync(0xffffffffU, static_cast<unsigned>(count[i])));
    if constexpr (kByMass) group.put(kPivots + 1 + i, fixed(warp_sum(mass[i])));
  }
  group.template join<Sum>(kByMass ? 2 * (kPivots + 1) : kPivots + 1);
}

// The range has at most kCandidates logits: each thread asks for one whether it is the threshold.
template <bool kByMass, class Row, class Shared>
__device__ float choose(const Row& row, Shared& group, const Range& range, const Weights& weights,
                        std::uint64_t target) {
  Exchange& own = group.own();
  if (threadIdx.x == 0) own.candidate_count = 0;
  __syncthreads();
  row.for_each([&](const float4& four, int) {
#pragma unroll
    for (const float x : {four.x, four.y, four.z, four.w}) {
      if (x >= range.low && x < range.high) own.candidates[atomicAdd(&own.candidate_count, 1)] = x;
    }
  });
  group.wait();
  int total = 0;
  for (int r = 0; r < group.blocks(); ++r) {  // the order does not matter: sums are integers
    Exchange& other = group.of(r);
    const int count = other.candidate_count;
    for (int i = threadIdx.x; i < count; i += kThreads) {
      const float x = other.candidates[i];
      own.gathered[total + i] = x;
      own.masses[total + i] = kByMass ? fixed(weights(x)) : 1;
    }
    total += count;
  }
  __syncthreads();
  std::uint64_t best = order_of(range.low);
  if (static_cast<int>(threadIdx.x) < total) {
    const float mine = own.gathered[threadIdx.x];
    std::uint64_t above = kByMass ? range.mass_above : range.count_above;
#pragma unroll 8
    for (int i = 0; i < total; ++i) above += own.gathered[i] >= mine ? own.masses[i] : 0;
    if (above >= target) best = order_of(mine);
  }
  group.put(0, warp_join<Largest>(best));
  group.template join<Largest>(1);
  return float_of(static_cast<std::uint32_t>(own.of_group[0]));
}

// The largest logit t such that those from t up count at least k, or weigh at least the fraction
// `p` of those from `low` up; `low` when there are fewer.
template <bool kByMass, class Row, class Shared>
__device__ float threshold(const Row& row, Shared& group, const Weights& weights, float low,
                           std::uint64_t k, float p) {
  Range range{low, float_of(order_of(weights.largest) + 1), 0, 0};
  std::uint64_t target = k;
  Exchange& own = group.own();
  for (int round = 0; order_of(range.high) - order_of(range.low) > 1; ++round) {
    const int thread = static_cast<int>(threadIdx.x);
    if (thread <= kPivots) own.pivots[thread] = pivot_of(range, weights, round, thread);
    __syncthreads();
    weigh<kByMass>(row, group, range, weights);
    const std::uint64_t* counts = own.of_group;
    const std::uint64_t* masses = own.of_group + kPivots + 1;
    if (kByMass && round == 0) {
      const double part = static_cast<double>(p) * static_cast<double>(masses[0]);
      target = max(std::uint64_t{1}, static_cast<std::uint64_t>(__double2ull_rz(part)));
    }
    int i = kPivots;  // the largest pivot with enough at or above it, or the range's own end
    while (i > 0 &&
           (kByMass ? range.mass_above + masses[i] : range.count_above + counts[i]) < target) {
      --i;
    }
    Range next{own.pivots[i], range.high, range.mass_above, range.count_above};
    if (i < kPivots) {
      next.high = own.pivots[i + 1];
      next.count_above += counts[i + 1];
      if (kByMass) next.mass_above += masses[i + 1];
    }
    const std::uint64_t inside = range.count_above + counts[i] - next.count_above;
    range = next;
    __syncthreads();  // pivots and sums are read
    if (inside <= kCandidates) return choose<kByMass>(row, group, range, weights, target);
  }
  return range.low;
}

}  // namespace aisp::kernels::sampling_cuda
