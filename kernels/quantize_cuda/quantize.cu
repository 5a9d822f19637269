// The kernels of quantize.h: a row in the registers of a block, a group in those of 16 or 32 lanes.
//
// Source: see quantize.h.
#include "kernels/cuda/element.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/quantize_cuda/run.h"

namespace aisp::kernels::quantize_cuda {
namespace {

using namespace cuda;

constexpr float kSmallestMaximum = 1e-30F;

template <class Q>
constexpr float largest_of() {
  return largest(std::is_same_v<Q, Int8> ? Quantized::kInt8 : Quantized::kFp8E4m3);
}

template <class T, int kCount>
__device__ float largest_magnitude(const Pack<T, kCount>& pack, float so_far) {
  float v[kCount];
  to_floats(pack, v);
#pragma unroll
  for (const float value : v) so_far = Max::of(so_far, fabsf(value));
  return so_far;
}

template <class T, class Q, int kPacks, bool kAligned>
__global__ void __launch_bounds__(max_threads(kPacks), min_blocks(kPacks))
    quantize_rows(const Request r) {
  using Slice = RowSlice<T, kPacks, kAligned>;
  __shared__ RowReducer::Shared shared;
  RowReducer reducer(shared);
  const int n = static_cast<int>(r.n), thread = threadIdx.x, threads = blockDim.x;
  for (std::int64_t row = first_row(); row < r.rows; row += row_step()) {
    Slice in;
    in.load(static_cast<const T*>(r.values) + row * n, n, thread, threads);
    float maximum = 0.0F;
#pragma unroll
    for (const auto& pack : in.pack) maximum = largest_magnitude(pack, maximum);
    maximum = reducer.reduce<Max>(maximum);
    in.forget_floats();
    if (maximum < kSmallestMaximum) maximum = kSmallestMaximum;
    if (thread == 0) r.scales[row] = maximum * (1.0F / largest_of<Q>());
    const float factor = __fdividef(largest_of<Q>(), maximum);
    Q* out = static_cast<Q*>(r.elements) + row * n;
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      float v[Slice::kCount];
      to_floats(in.pack[i], v);
#pragma unroll
      for (float& value : v) value *= factor;
      Slice::template store<Q>(out, i, v, n, thread, threads);
    }
  }
}

// Rows of groups: a pack is of columns group * 128 + lane * kCount, and a group's lanes are
// neighbours. Four groups' packs a thread are in flight.
constexpr int kEach = 4;

template <class T, class Q, bool kAligned>
__global__ void __launch_bounds__(kElementThreads)
    quantize_groups(const Request r, const PackGrid grid) {
  constexpr int kCount = kLanes<T>, kWidth = kGroup / kCount;
  const int n = static_cast<int>(r.n);
  const std::int64_t first =
      static_cast<std::int64_t>(blockIdx.x) * kElementThreads * kEach + threadIdx.x;
  Pack<T, kCount> in[kEach];
  PackPlace place[kEach];
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const std::int64_t pack = first + i * kElementThreads;
    // Lanes beyond the end take part in their group's reduction.
    place[i] = pack < grid.packs ? grid.place(pack, kCount) : PackPlace{0, n};
    if (!kAligned || place[i].column < n) {
      in[i] = load_at<T, kCount, kAligned>(static_cast<const T*>(r.values) + place[i].row * r.n,
                                           place[i].column, n);
    } else {
      in[i] = {};
    }
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    float maximum = reduce_warp<Max, kWidth>(largest_magnitude(in[i], 0.0F));
    if (first + i * kElementThreads >= grid.packs) continue;
    if (maximum < kSmallestMaximum) maximum = kSmallestMaximum;
    const auto [row, column] = place[i];
    if (column % kGroup == 0) {
      r.scales[row * (grid.packs_a_row / kWidth) + column / kGroup] =
          maximum * (1.0F / largest_of<Q>());
    }
    const float factor = __fdividef(largest_of<Q>(), maximum);
    float v[kCount];
    to_floats(in[i], v);
#pragma unroll
    for (float& value : v) value *= factor;
    if (!kAligned || column < n) {
      store_at<Q, kCount, kAligned>(static_cast<Q*>(r.elements) + row * r.n, column, n,
                                    of_floats<Q>(v));
    }
  }
}

// Two packs a thread: 3.97 TB/s on one H200, four 3.93, one 3.78.
constexpr int kEachBack = 2;

template <class T, class Q, bool kAligned>
__global__ void __launch_bounds__(kElementThreads)
    dequantize_packs(const Request r, const PackGrid grid) {
  constexpr int kCount = kLanes<T>;
  const std::int64_t first =
      static_cast<std::int64_t>(blockIdx.x) * kElementThreads * kEachBack + threadIdx.x;
  const bool per_row = r.per == Scales::kPerRow;
  const std::int64_t groups = (r.n + kGroup - 1) / kGroup;
  Pack<Q, kCount> in[kEachBack];
  PackPlace place[kEachBack];
  float scale[kEachBack];
#pragma unroll
  for (int i = 0; i < kEachBack; ++i) {
    const std::int64_t pack = first + i * kElementThreads;
    if (pack >= grid.packs) continue;
    place[i] = grid.place(pack, kCount);
    const auto [row, column] = place[i];
    in[i] =
        load_at<Q, kCount, kAligned>(static_cast<const Q*>(r.elements) + row * r.n, column, grid.n);
    scale[i] = r.scales[per_row ? row : row * groups + column / kGroup];
  }
#pragma unroll
  for (int i = 0; i < kEachBack; ++i) {
    if (first + i * kElementThreads >= grid.packs) continue;
    float v[kCount];
    to_floats(in[i], v);
#pragma unroll
    for (float& value : v) value *= scale[i];
    store_at<T, kCount, kAligned>(static_cast<T*>(r.values) + place[i].row * r.n, place[i].column,
                                  grid.n, of_floats<T>(v));
  }
}

template <class T, class Q>
void quantize_as(Request r, bool aligned) {
  if (r.per == Scales::kPerGroup128) {
    // Whole groups are one long row, which needs no division to find a pack's place.
    if (r.n % kGroup == 0 && r.rows * r.n < (std::int64_t{1} << 31) - kGroup) {
      r.n *= r.rows;
      r.rows = 1;
    }
    const PackGrid grid(r.rows, (r.n + kGroup - 1) / kGroup * kGroup, kLanes<T>);
    return launch_elements(aligned ? quantize_groups<T, Q, true> : quantize_groups<T, Q, false>,
                           grid.packs, kEach, r.stream, r, grid);
  }
  const RowConfig config = choose_row_config(r.rows, r.n, sizeof(T), aligned, 4);
  if (!aligned) return launch_rows(quantize_rows<T, Q, 8, false>, config, r.stream, r);
  with_packs(config.packs, [&](auto packs) {
    launch_rows(quantize_rows<T, Q, packs(), true>, config, r.stream, r);
  });
}

template <class T, class Q>
void dequantize_as(const Request& r, bool aligned) {
  const PackGrid grid(r.rows, r.n, kLanes<T>);
  launch_elements(aligned ? dequantize_packs<T, Q, true> : dequantize_packs<T, Q, false>,
                  grid.packs, kEachBack, r.stream, r, grid);
}

}  // namespace

void run_quantize(const Request& r, bool aligned) {
  const bool wide = r.type == DType::kF32, whole = r.to == Quantized::kInt8;
  if (wide)
    return whole ? quantize_as<float, Int8>(r, aligned) : quantize_as<float, E4m3>(r, aligned);
  whole ? quantize_as<Bf16, Int8>(r, aligned) : quantize_as<Bf16, E4m3>(r, aligned);
}

void run_dequantize(const Request& r, bool aligned) {
  const bool wide = r.type == DType::kF32, whole = r.to == Quantized::kInt8;
  if (wide) {
    return whole ? dequantize_as<float, Int8>(r, aligned) : dequantize_as<float, E4m3>(r, aligned);
  }
  whole ? dequantize_as<Bf16, Int8>(r, aligned) : dequantize_as<Bf16, E4m3>(r, aligned);
}

}  // namespace aisp::kernels::quantize_cuda
