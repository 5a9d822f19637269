// The kernels of norm.h: each row is written from the registers that it was read into. Blocks that
// stay for many rows and load the next one while they reduce were slower here (3.5 instead of 3.67
// TB/s, 16384 x 4096): a wait for the next row holds up the loads of the one after it.
//
// Source: see norm.h.
#pragma once

#include "kernels/cuda/dependent_launch.cuh"
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/row.cuh"
#include "kernels/norm_cuda/norm.h"

namespace aisp::kernels::norm_cuda {

using namespace cuda;

/// What max |x weight| is at least taken for in a quantised row: its scale stays a normal number,
/// and a row of zeros becomes zeros.
inline constexpr float kSmallestMaximum = 1e-30F;

template <class Out>
constexpr float largest_of() {
  return std::is_same_v<Out, Int8> ? largest(Quantized::kInt8) : largest(Quantized::kFp8E4m3);
}

// x becomes x + residual, rounded to T, and is written to `sum`.
template <class T, class Slice>
__device__ void add_residual(const Request& r, std::int64_t row, Slice& x, const Slice& residual) {
  const int n = static_cast<int>(r.n);
  T* sum = static_cast<T*>(r.sum) + row * n;
#pragma unroll
  for (int i = 0; i < static_cast<int>(std::size(x.pack)); ++i) {
    float a[Slice::kCount], b[Slice::kCount];
    to_floats(x.pack[i], a);
    to_floats(residual.pack[i], b);
#pragma unroll
    for (int j = 0; j < Slice::kCount; ++j) a[j] += b[j];
    x.pack[i] = of_floats<T>(a);
    Slice::template store<T>(sum, i, a, n, threadIdx.x, blockDim.x);
  }
}

template <class T, class Out, Kind kKind, bool kResidual, int kPacks, bool kAligned>
__global__ void __launch_bounds__(max_threads(kPacks), min_blocks(kPacks))
    normalize_rows(const Request r) {
  using Slice = RowSlice<T, kPacks, kAligned>;
  constexpr int kCount = Slice::kCount;
  constexpr bool kLayer = kKind == Kind::kLayer, kQuantize = !std::is_same_v<T, Out>;
  // What is quantised, or less its mean, is computed once and held: twice would be half as many
  // instructions again, and these rows are bound by them (to int8: 3.32 instead of 3.85 TB/s; one
  // H200, 16384 x 4096).
  constexpr bool kHeld = (kQuantize || kLayer) && kPacks <= 4;
  __shared__ RowReducer::Shared shared;
  RowReducer reducer(shared);
  const int n = static_cast<int>(r.n), thread = threadIdx.x, threads = blockDim.x;
  const float over_n = 1.0F / static_cast<float>(n);
  for (std::int64_t row = first_row(); row < r.rows; row += row_step()) {
    Slice in;
    in.load(static_cast<const T*>(r.x) + row * n, n, thread, threads);
    // After x, whose way is longer. (A thread has one row: the grid is as large as that.) Beside
    // four packs there is room for it where x is needed once more and nothing else is held:
    // LayerNorm with its weight held fell from 3.89 to 2.68 TB/s, the quantised rows from 3.85
    // to 3.73.
    constexpr bool kAlone = !kResidual && !kLayer && !kQuantize;
    const SharedRow<Slice, T, (kPacks <= (kAlone ? 4 : 2))> weight(static_cast<const T*>(r.weight),
                                                                   n);
    const SharedRow<Slice, T, (kPacks <= 2 && kLayer)> bias(static_cast<const T*>(r.bias), n);
    if constexpr (kResidual) {
      Slice residual;
      residual.load(static_cast<const T*>(r.residual) + row * n, n, thread, threads);
      add_residual<T>(r, row, in, residual);
    }
    float x[kCount], w[kCount], b[kCount] = {};
    // What the output is made of, where it is held: x weight, or x - mean.
    float held[kHeld ? kPacks : 1][kCount];
    float mean = 0.0F;
    if constexpr (kLayer) {
#pragma unroll
      for (int i = 0; i < kPacks; ++i) {
        to_floats(in.pack[i], x);
#pragma unroll
        for (const float value : x) mean += value;
      }
      mean = reducer.reduce<Sum>(mean) * over_n;
      if constexpr (!kHeld) in.forget_floats();
    }
    float squares = 0.0F, maximum = 0.0F;
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      to_floats(in.pack[i], x);
      if constexpr (kQuantize) weight.read(i, w);
#pragma unroll
      for (int j = 0; j < kCount; ++j) {
        // Beyond the row there are zeros, which only a mean can spoil. (A pack is in it or beyond.)
        const bool counts = !kLayer || Slice::column(i, kAligned ? 0 : j, thread, threads) < n;
        const float d = x[j] - mean;
        squares = counts ? fmaf(d, d, squares) : squares;
        if constexpr (kQuantize) {
          const float y = x[j] * w[j];
          maximum = Max::of(maximum, fabsf(y));
          if constexpr (kHeld) held[i][j] = y;
        } else if constexpr (kHeld) {
          held[i][j] = d;
        }
      }
    }
    if constexpr (kQuantize) {
      const float2 both = reducer.reduce<Both<Sum, Max>>({squares, maximum});
      squares = both.x, maximum = both.y;
    } else {
      squares = reducer.reduce<Sum>(squares);
    }
    if constexpr (!kHeld) in.forget_floats();
    float factor = 1.0F / sqrtf(fmaf(squares, over_n, r.epsilon));
    if constexpr (kQuantize) {
      // The factor of the norm cancels in the elements: y / scale = x w largest / maximum.
      if (maximum < kSmallestMaximum) maximum = kSmallestMaximum;
      if (thread == 0) r.scale[row] = factor * maximum / largest_of<Out>();
      factor = largest_of<Out>() / maximum;
    }
    Out* y = static_cast<Out*>(r.y) + row * n;
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      if constexpr (!kHeld) to_floats(in.pack[i], x);
      if constexpr (!kHeld || kLayer) weight.read(i, w);
      if constexpr (kLayer) {
        if (r.bias != nullptr) bias.read(i, b);
      }
#pragma unroll
      for (int j = 0; j < kCount; ++j) {
        if constexpr (kLayer) {
          x[j] = fmaf((kHeld ? held[i][j] : x[j] - mean) * factor, w[j], b[j]);
        } else {
          x[j] = kHeld ? held[i][j] * factor : x[j] * factor * w[j];
        }
      }
      Slice::template store<Out>(y, i, x, n, thread, threads);
    }
  }
}

template <class T, bool kAdd, int kPacks, bool kAligned>
__global__ void __launch_bounds__(512, backward_blocks(kPacks)) backward_rows(const Backward r) {
  using Slice = RowSlice<T, kPacks, kAligned>;
  constexpr int kCount = Slice::kCount;
  __shared__ RowReducer::Shared shared;
  RowReducer reducer(shared);
  const int n = static_cast<int>(r.n), thread = threadIdx.x, threads = blockDim.x;
  const float over_n = 1.0F / static_cast<float>(n);
  const SharedRow<Slice, T, (kPacks <= 2)> weight(static_cast<const T*>(r.weight), n);
  float dweight[kPacks][kCount] = {};
  // The next row is on its way while one is reduced: these blocks stay, for the sums of dweight.
  Slice next_x, next_dy;
  const auto load = [&](std::int64_t row) {
    if (row >= r.rows) return;
    next_x.load(static_cast<const T*>(r.x) + row * n, n, thread, threads);
    next_dy.load(static_cast<const T*>(r.dy) + row * n, n, thread, threads);
  };
  let_next_launch_begin();  // sum_columns, which waits for the end of all blocks
  load(first_row());
  for (std::int64_t row = first_row(); row < r.rows; row += row_step()) {
    Slice x = next_x, dy = next_dy, add;
    load(row + row_step());
    if constexpr (kAdd) add.load(static_cast<const T*>(r.dx_add) + row * n, n, thread, threads);
    float a[kCount], b[kCount], w[kCount], c[kCount] = {};
    float squares = 0.0F, products = 0.0F;
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      to_floats(x.pack[i], a);
      to_floats(dy.pack[i], b);
      weight.read(i, w);
#pragma unroll
      for (int j = 0; j < kCount; ++j) {
        squares = fmaf(a[j], a[j], squares);
        products = fmaf(b[j] * w[j], a[j], products);
      }
    }
    const float2 both = reducer.reduce<Both<Sum, Sum>>({squares, products});
    squares = both.x, products = both.y;
    const float s = 1.0F / sqrtf(fmaf(squares, over_n, r.epsilon));
    const float along = s * s * products * over_n;
    T* dx = static_cast<T*>(r.dx) + row * n;
    x.forget_floats();
    dy.forget_floats();
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      to_floats(x.pack[i], a);
      to_floats(dy.pack[i], b);
      weight.read(i, w);
      if constexpr (kAdd) to_floats(add.pack[i], c);
#pragma unroll
      for (int j = 0; j < kCount; ++j) {
        dweight[i][j] = fmaf(b[j], a[j] * s, dweight[i][j]);
        const float own = fmaf(-a[j], along, b[j] * w[j]);
        a[j] = kAdd ? fmaf(s, own, c[j]) : s * own;
      }
      Slice::template store<T>(dx, i, a, n, thread, threads);
    }
  }
  float* partial = r.partial + first_row() * n;
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      const int column = Slice::column(i, j, thread, threads);
      if (column < n) partial[column] = dweight[i][j];
    }
  }
}

/// out[column] = the sum of `parts` rows of n. 32 x 32 threads: 32 columns, and 32 sums of each.
struct Columns {
  const float* partial;
  float* out;
  int parts, n;
};
static __global__ void __launch_bounds__(1024) sum_columns(const Columns c) {
  __shared__ float sums[32][33];  // 33: a column of it lies in 32 banks
  const int x = threadIdx.x % 32, y = threadIdx.x / 32, first = blockIdx.x * 32;
  const int column = first + x;
  wait_for_launches_before();
  float sum = 0.0F;
  if (column < c.n) {
#pragma unroll 8
    for (int part = y; part < c.parts; part += 32) {
      sum += c.partial[static_cast<std::int64_t>(part) * c.n + column];
    }
  }
  sums[y][x] = sum;
  __syncthreads();
  sum = reduce_warp<Sum>(sums[x][y]);
  if (x == 0 && first + y < c.n) c.out[first + y] = sum;
}

template <class T, class Out, Kind kKind, bool kResidual>
void run_forward(const Request& request, const RowConfig& config) {
  if (!config.aligned) {
    return launch_rows(normalize_rows<T, Out, kKind, kResidual, 8, false>, config, request.stream,
                       request);
  }
  with_packs(config.packs, [&](auto packs) {
    launch_rows(normalize_rows<T, Out, kKind, kResidual, packs(), true>, config, request.stream,
                request);
  });
}

template <class T, class Out>
void run_rms(const Request& request, const RowConfig& config) {
  if (request.residual != nullptr) {
    run_forward<T, Out, Kind::kRms, true>(request, config);
  } else {
    run_forward<T, Out, Kind::kRms, false>(request, config);
  }
}

template <class T>
void run_layer(const Request& request, const RowConfig& config) {
  if (request.residual != nullptr) {
    run_forward<T, T, Kind::kLayer, true>(request, config);
  } else {
    run_forward<T, T, Kind::kLayer, false>(request, config);
  }
}

template <class T, bool kAdd>
void run_backward_rows(const Backward& request, const RowConfig& config) {
  if (!config.aligned) {
    return launch_rows(backward_rows<T, kAdd, 4, false>, config, request.stream, request);
  }
  with_packs(config.packs, [&](auto packs) {
    if constexpr (packs() <= 4) {
      launch_rows(backward_rows<T, kAdd, packs(), true>, config, request.stream, request);
    }
  });
}

template <class T>
void run_backward_as(const Backward& request, const RowConfig& config) {
  if (request.dx_add != nullptr) {
    run_backward_rows<T, true>(request, config);
  } else {
    run_backward_rows<T, false>(request, config);
  }
  // Code made for an older card and translated by the driver does not wait: it must not overlap.
  static const bool overlap = [] {
    cudaFuncAttributes attributes{};
    AISP_CUDA(cudaFuncGetAttributes(&attributes, sum_columns));
    return attributes.ptxVersion >= 90;
  }();
  const int n = static_cast<int>(request.n);
  launch(sum_columns,
         {.blocks = (n + 31) / 32, .threads = 1024, .overlap = overlap, .stream = request.stream},
         Columns{request.partial, request.dweight,
                 static_cast<int>(config.blocks * config.rows_per_block), n});
}

}  // namespace aisp::kernels::norm_cuda
