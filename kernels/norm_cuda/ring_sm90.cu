// Rows of norm.h through a ring in shared memory: the copy engine brings them and takes the results
// away, and each warp has rows of its own, so that loads stay in flight while it computes and no
// block waits at a barrier. For rows of up to 16 KiB in whole packs of a warp.
//
// Source: see norm.h; PTX ISA 9.0, cp.async.bulk.
#include "kernels/cuda/tma.cuh"
#include "kernels/norm_cuda/norm.cuh"
#include "kernels/norm_cuda/run.h"

namespace aisp::kernels::norm_cuda {
namespace {

// A row that is being computed, one that has come or is coming, and one that is being written away
// and then brings the row after next.
constexpr int kStages = 3;

// Shared memory of a block: the weight (and bias) rows, then for each warp kStages slots, each of a
// row of x and, with a residual, one of it.
struct Slots {
  char* memory;
  int row_bytes, slot_bytes, shared_rows;
  __device__ char* shared_row(int i) const { return memory + i * row_bytes; }
  __device__ char* slot(int warp, int stage) const {
    return memory + shared_rows * row_bytes + (warp * kStages + stage) * slot_bytes;
  }
};

template <class T>
__device__ void read_floats(const char* row, int pack, float (&out)[kLanes<T>]) {
  to_floats(load_pack<T, kLanes<T>>(reinterpret_cast<const T*>(row) + pack * kLanes<T>), out);
}

template <class T, bool kResidual>
__device__ void request_row(const Request& r, const Slots& slots, Barrier* barrier, char* slot,
                            std::int64_t row) {
  const auto bytes = static_cast<std::uint32_t>(slots.row_bytes);
  barrier_arrive_expect(barrier, kResidual ? 2 * bytes : bytes);
  bulk_load(slot, static_cast<const T*>(r.x) + row * r.n, bytes, barrier);
  if constexpr (kResidual) {
    bulk_load(slot + bytes, static_cast<const T*>(r.residual) + row * r.n, bytes, barrier);
  }
}

// One row, in its slot: y takes the place of x, or, with a residual, of the residual, and the sum
// that of x.
template <class T, class Out, Kind kKind, bool kResidual>
__device__ void normalize_slot(const Request& r, const Slots& slots, char* slot, std::int64_t row) {
  constexpr int kCount = kLanes<T>;
  constexpr bool kLayer = kKind == Kind::kLayer, kQuantize = !std::is_same_v<T, Out>;
  const int lane = threadIdx.x % 32, packs = slots.row_bytes / 16;
  const float over_n = 1.0F / static_cast<float>(r.n);
  float x[kCount], w[kCount], b[kCount];
  float mean = 0.0F, squares = 0.0F, maximum = 0.0F;
  if constexpr (kResidual || kLayer) {
#pragma unroll 4
    for (int pack = lane; pack < packs; pack += 32) {
      read_floats<T>(slot, pack, x);
      if constexpr (kResidual) {
        read_floats<T>(slot + slots.row_bytes, pack, b);
#pragma unroll
        for (int j = 0; j < kCount; ++j) x[j] += b[j];
        store_pack(reinterpret_cast<T*>(slot) + pack * kCount, of_floats<T>(x));
        round_to<T>(x);
      }
#pragma unroll
      for (const float value : x) {
        mean += value;
        if constexpr (kResidual && !kLayer && !kQuantize) squares = fmaf(value, value, squares);
      }
    }
    mean = kLayer ? reduce_warp<Sum>(mean) * over_n : 0.0F;
  }
  if constexpr (!kResidual || kLayer || kQuantize) {
#pragma unroll 4
    for (int pack = lane; pack < packs; pack += 32) {
      read_floats<T>(slot, pack, x);
      if constexpr (kQuantize) read_floats<T>(slots.shared_row(0), pack, w);
#pragma unroll
      for (int j = 0; j < kCount; ++j) {
        squares = fmaf(x[j] - mean, x[j] - mean, squares);
        if constexpr (kQuantize) maximum = Max::of(maximum, fabsf(x[j] * w[j]));
      }
    }
  }
  const float2 both = reduce_warp<Both<Sum, Max>>({squares, maximum});
  float factor = 1.0F / sqrtf(fmaf(both.x, over_n, r.epsilon));
  if constexpr (kQuantize) {
    maximum = both.y < kSmallestMaximum ? kSmallestMaximum : both.y;
    if (lane == 0) r.scale[row] = factor * maximum / largest_of<Out>();
    factor = largest_of<Out>() / maximum;
  }
  Out* y = reinterpret_cast<Out*>(kResidual ? slot + slots.row_bytes : slot);
#pragma unroll 4
  for (int pack = lane; pack < packs; pack += 32) {
    read_floats<T>(slot, pack, x);
    read_floats<T>(slots.shared_row(0), pack, w);
    if (kLayer && slots.shared_rows == 2) read_floats<T>(slots.shared_row(1), pack, b);
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      x[j] = (x[j] - mean) * factor * w[j];
      if (kLayer && slots.shared_rows == 2) x[j] += b[j];
    }
    // Narrower results lie where packs of other lanes were: those have been read.
    if constexpr (kQuantize) __syncwarp();
    store_pack(y + pack * kCount, of_floats<Out>(x));
  }
}

template <class T, class Out, Kind kKind, bool kResidual>
__global__ void __launch_bounds__(256) normalize_ring(const Request r, const int shared_rows) {
  extern __shared__ __align__(128) char memory[];
  __shared__ Barrier full[8][kStages];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
  const int row_bytes = static_cast<int>(r.n * sizeof(T));
  const Slots slots{memory, row_bytes, kResidual ? 2 * row_bytes : row_bytes, shared_rows};
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * warps + warp;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * warps;
  if (lane == 0) {
    for (int stage = 0; stage < kStages; ++stage) barrier_init(&full[warp][stage], 1);
    barrier_init_fence();
    for (int stage = 0; stage < kStages - 1 && first + stage * step < r.rows; ++stage) {
      request_row<T, kResidual>(r, slots, &full[warp][stage], slots.slot(warp, stage),
                                first + stage * step);
    }
  }
  for (int i = threadIdx.x * 16; i < row_bytes; i += blockDim.x * 16) {
    *reinterpret_cast<uint4*>(slots.shared_row(0) + i) =
        *reinterpret_cast<const uint4*>(static_cast<const char*>(r.weight) + i);
    if (shared_rows == 2) {
      *reinterpret_cast<uint4*>(slots.shared_row(1) + i) =
          *reinterpret_cast<const uint4*>(static_cast<const char*>(r.bias) + i);
    }
  }
  __syncthreads();
  RingPosition<kStages> at;
  for (std::int64_t row = first; row < r.rows; row += step, at.advance()) {
    char* slot = slots.slot(warp, at.stage);
    barrier_wait(&full[warp][at.stage], at.parity);
    normalize_slot<T, Out, kKind, kResidual>(r, slots, slot, row);
    fence_async_shared();
    __syncwarp();
    if (lane == 0) {
      Out* y = static_cast<Out*>(r.y) + row * r.n;
      if constexpr (kResidual) {
        bulk_store(static_cast<T*>(r.sum) + row * r.n, slot, row_bytes);
        bulk_store(y, slot + row_bytes, static_cast<std::uint32_t>(r.n * sizeof(Out)));
      } else {
        bulk_store(y, slot, static_cast<std::uint32_t>(r.n * sizeof(Out)));
      }
      store_commit();
      const std::int64_t ahead = row + (kStages - 1) * step;
      if (ahead < r.rows) {
        store_wait_read<1>();  // of the row before this one, whose slot is next
        const int stage = (at.stage + kStages - 1) % kStages;
        request_row<T, kResidual>(r, slots, &full[warp][stage], slots.slot(warp, stage), ahead);
      }
    }
    __syncwarp();
  }
  if (lane == 0) store_wait_done<0>();
}

template <class T, class Out, Kind kKind>
void launch(const Request& r, const RowConfig& config) {
  const auto kernel = r.residual != nullptr ? normalize_ring<T, Out, kKind, true>
                                            : normalize_ring<T, Out, kKind, false>;
  const int shared_rows = r.bias != nullptr ? 2 : 1;
  const std::int64_t row_bytes = r.n * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t slots = config.rows_per_block * kStages * (r.residual != nullptr ? 2 : 1);
  const auto bytes = static_cast<int>((slots + shared_rows) * row_bytes);
  AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  kernel<<<static_cast<unsigned>(config.blocks), config.rows_per_block * 32, bytes, r.stream>>>(
      r, shared_rows);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace

void run_ring(const Request& r, const RowConfig& config) {
  const bool layer = r.kind == Kind::kLayer;
  if (r.type == DType::kF32) {
    return layer ? launch<float, float, Kind::kLayer>(r, config)
                 : launch<float, float, Kind::kRms>(r, config);
  }
  if (layer) return launch<Bf16, Bf16, Kind::kLayer>(r, config);
  switch (r.output) {
    case Output::kSame:
      return launch<Bf16, Bf16, Kind::kRms>(r, config);
    case Output::kInt8:
      return launch<Bf16, Int8, Kind::kRms>(r, config);
    case Output::kFp8E4m3:
      return launch<Bf16, E4m3, Kind::kRms>(r, config);
  }
}

}  // namespace aisp::kernels::norm_cuda
