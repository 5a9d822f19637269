// A warp's 16 queries in registers: masks, online softmax, the rows of the output. The same for
// wgmma and mma: lane l has two rows, l / 4 and eight further down, and of each the columns 8 j +
// 2 (l % 4) + {0, 1}, in s[4 j + {0, 1}] and s[4 j + {2, 3}].
//
// Source: T. Dao et al., "FlashAttention" (2022); J. Shah et al., "FlashAttention-3" (2024), 3.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/attention_cuda/schedule.h"
#include "kernels/cuda/pack.cuh"

namespace aisp::kernels::attention_cuda {

struct Bf16 {
  static constexpr bool kF16 = false;
  __device__ static std::uint32_t pack(float low, float high) { return cuda::pack_bf16(low, high); }
};
struct F16 {
  static constexpr bool kF16 = true;
  __device__ static std::uint32_t pack(float low, float high) { return cuda::pack_f16(low, high); }
};

/// 2^x, 2 ulp; 0 for x <= -127 (results below the normal range are flushed).
__device__ inline float exp2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// The maximum or sum over the four threads that share a row.
template <class Combine>
__device__ inline float across_row(float x, Combine combine) {
  x = combine(x, __shfl_xor_sync(0xffffffffU, x, 1));
  return combine(x, __shfl_xor_sync(0xffffffffU, x, 2));
}

/// Running maximum and sum of two rows. The sum is this thread's part until finish().
struct OnlineSoftmax {
  float scale_log2;  // scale * log2(e): exponentials are powers of two
  float max[2] = {-INFINITY, -INFINITY};
  float sum[2] = {0.0F, 0.0F};
  float rescale[2] = {0.0F, 0.0F};  // what earlier sums and outputs are multiplied by

  /// s: scores -> exponentials relative to the new maximum. kMasked: rows may have seen only -inf.
  template <bool kMasked, int kCount>
  __device__ void step(float (&s)[kCount]) {
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float top = max[row];
#pragma unroll
      for (int i = 2 * row; i < kCount; i += 4) top = fmaxf(top, fmaxf(s[i], s[i + 1]));
      top = across_row(top, [](float a, float b) { return fmaxf(a, b); });
      const float shift = (kMasked && top == -INFINITY ? 0.0F : top) * scale_log2;
      rescale[row] = exp2_approx(fmaf(max[row], scale_log2, -shift));
      max[row] = top;
      float total = 0.0F;
#pragma unroll
      for (int i = 2 * row; i < kCount; i += 4) {
        s[i] = exp2_approx(fmaf(s[i], scale_log2, -shift));
        s[i + 1] = exp2_approx(fmaf(s[i + 1], scale_log2, -shift));
        total += s[i] + s[i + 1];
      }
      sum[row] = fmaf(sum[row], rescale[row], total);
    }
  }

  /// log(sum of exp(score)), after finish().
  __device__ float log_of_sum(int row) const {
    constexpr float kLn2 = 0.693147180559945F;
    return fmaf(max[row] * scale_log2, kLn2, logf(sum[row]));
  }

  /// Sums of whole rows.
  __device__ void finish() {
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      sum[row] = across_row(sum[row], [](float a, float b) { return a + b; });
    }
  }
};

/// Columns at or past limit[row] do not count. `limit` is relative to this thread's first column.
template <int kCount>
__device__ inline void mask_scores(float (&s)[kCount], const int (&limit)[2]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    const int column = i / 4 * 8 + (i & 1);
    if (column >= limit[i / 2 % 2]) s[i] = -INFINITY;
  }
}

/// Accumulators to the A operand of the next product: 16 columns are four registers.
template <class Element, int kCount>
__device__ inline void to_operand(const float (&s)[kCount], std::uint32_t (&p)[kCount / 8][4]) {
#pragma unroll
  for (int i = 0; i < kCount; i += 2) p[i / 8][i / 2 % 4] = Element::pack(s[i], s[i + 1]);
}

template <int kCount>
__device__ inline void scale_rows(float (&o)[kCount], const float (&by)[2]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) o[i] *= by[i / 2 % 2];
}

/// Four threads have two elements each of four groups of eight: afterwards thread t has all eight
/// of group t, 16 bytes that one store takes.
__device__ inline void gather_groups(std::uint32_t (&r)[4], int t) {
#pragma unroll
  for (int step = 1; step <= 2; step *= 2) {
#pragma unroll
    for (int pair = 0; pair < 2; ++pair) {
      const int low = step == 1 ? 2 * pair : pair, high = low + step;
      const bool odd = (t & step) != 0;
      const std::uint32_t got = __shfl_xor_sync(0xffffffffU, odd ? r[low] : r[high], step);
      (odd ? r[low] : r[high]) = got;
    }
  }
}

/// Where a thread's two rows of the output go; the second is eight rows on.
template <int kD>
struct OutputRows {
  std::uint16_t* o;
  std::int64_t stride;  // elements
  float* lse;           // null: not asked
  bool exists[2];

  __device__ OutputRows(const Work& work, const Tile& tile, int first_row)
      : stride(work.o_token), exists{first_row < tile.queries, first_row + 8 < tile.queries} {
    const std::int64_t row = tile.query_row + first_row;
    o = work.o + tile.batch * work.o_batch + row * work.o_token + tile.head * work.o_head;
    lse = work.lse;
    if (lse != nullptr) lse += tile.batch * work.lse_batch + tile.head * work.lse_head + row;
  }

  /// Divides o by the sums. kAligned: 16 bytes a store, else an element.
  template <class Element, bool kAligned>
  __device__ void store(float (&values)[kD / 2], OnlineSoftmax& softmax) const {
    softmax.finish();
    float inverse[2];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      const bool none = softmax.sum[row] == 0.0F;  // sees no key
      inverse[row] = none ? 0.0F : 1.0F / softmax.sum[row];
      if (lse != nullptr && exists[row] && threadIdx.x % 4 == 0) {
        lse[8 * row] = none ? -INFINITY : softmax.log_of_sum(row);
      }
    }
    scale_rows(values, inverse);
#pragma unroll
    for (int row = 0; row < 2; ++row) store_row<Element, kAligned>(values, row);
  }

 private:
  template <class Element, bool kAligned>
  __device__ void store_row(const float (&values)[kD / 2], int row) const {
    const int t = static_cast<int>(threadIdx.x) % 4;
    std::uint16_t* to = o + row * 8 * stride;
#pragma unroll
    for (int j = 0; j < kD / 8; j += 4) {
      std::uint32_t r[4];
#pragma unroll
      for (int group = 0; group < 4; ++group) {
        const int i = 4 * (j + group) + 2 * row;
        r[group] = Element::pack(values[i], values[i + 1]);
        if (!kAligned && exists[row]) {
          to[8 * (j + group) + 2 * t] = static_cast<std::uint16_t>(r[group]);
          to[8 * (j + group) + 2 * t + 1] = static_cast<std::uint16_t>(r[group] >> 16);
        }
      }
      if constexpr (kAligned) {
        gather_groups(r, t);
        if (exists[row]) {
          *reinterpret_cast<uint4*>(to + 8 * (j + t)) = make_uint4(r[0], r[1], r[2], r[3]);
        }
      }
    }
  }
};

}  // namespace aisp::kernels::attention_cuda
