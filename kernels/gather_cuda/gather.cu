// The kernels of gather.h.
//
// Source: see gather.h; CUDA C++ Programming Guide 13.0, atomicAdd (of float4: compute capability
// 9.0).
#include "kernels/cuda/element.cuh"
#include "kernels/gather_cuda/run.h"

namespace aisp::kernels::gather_cuda {
namespace {

using namespace cuda;

// Two units of a thread in flight, each behind its id, and small blocks: the next begins as soon as
// a few warps have ended. 16384 rows of 8 KiB on one H200, of a copy: 128 threads with 2 units
// 0.955, 256 with 4 0.935, 512 with 1 0.86; blocks that stay and ask for ids ahead 0.90, and the
// copy engine from table to shared memory to output 0.92.
constexpr int kGatherThreads = 128, kGatherEach = 2;

template <class Unit>
__global__ void __launch_bounds__(kGatherThreads, 16)
    gather_units(const Gather r, const PackGrid grid) {
  const std::int64_t first =
      static_cast<std::int64_t>(blockIdx.x) * kGatherThreads * kGatherEach + threadIdx.x;
  const std::int64_t units_a_row = grid.n;
  Unit units[kGatherEach];
#pragma unroll
  for (int i = 0; i < kGatherEach; ++i) {
    const std::int64_t unit = first + i * kGatherThreads;
    units[i] = Unit{};
    if (unit >= grid.packs) continue;
    const auto [row, column] = grid.place(unit, 1);
    const std::int64_t id = r.ids[row];
    if (id >= 0 && id < r.table_rows) {
      units[i] = static_cast<const Unit*>(r.table)[id * units_a_row + column];
    }
  }
#pragma unroll
  for (int i = 0; i < kGatherEach; ++i) {
    const std::int64_t unit = first + i * kGatherThreads;
    if (unit < grid.packs) static_cast<Unit*>(r.out)[unit] = units[i];
  }
}

constexpr int kEach = 4;  // packs of a thread that add

// Four columns of a row of floats.
__device__ void add_four(float* to, const float* v, bool whole, int left) {
#if __CUDA_ARCH__ >= 900
  if (whole) {
    atomicAdd(reinterpret_cast<float4*>(to), make_float4(v[0], v[1], v[2], v[3]));
    return;
  }
#endif
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    if (j < left) atomicAdd(to + j, v[j]);
  }
}

template <class T, bool kAligned>
__global__ void __launch_bounds__(kElementThreads)
    add_atomically(const ScatterAdd r, const PackGrid grid) {
  const std::int64_t first =
      static_cast<std::int64_t>(blockIdx.x) * kElementThreads * kEach + threadIdx.x;
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const std::int64_t pack = first + i * kElementThreads;
    if (pack >= grid.packs) continue;
    const auto [row, column] = grid.place(pack, 4);
    const std::int64_t id = r.ids[row];
    if (id < 0 || id >= r.table_rows) continue;
    float v[4];
    to_floats(load_at<T, 4, kAligned>(static_cast<const T*>(r.rows) + row * r.n, column, grid.n),
              v);
    add_four(r.table + id * r.n + column, v, kAligned, grid.n - column);
  }
}

// A block for each position of the order; the first of its id adds the rows of all.
template <class T, bool kAligned>
__global__ void __launch_bounds__(kElementThreads) add_in_order(const ScatterAdd r) {
  const std::int64_t at = blockIdx.x;
  const std::int32_t id = r.ids[r.order[at]];
  if (id < 0 || id >= r.table_rows) return;
  if (at > 0 && r.ids[r.order[at - 1]] == id) return;
  std::int64_t end = at + 1;
  while (end < r.count && r.ids[r.order[end]] == id) ++end;
  const int n = static_cast<int>(r.n);
  float* to = r.table + static_cast<std::int64_t>(id) * n;
  for (int column = threadIdx.x * 4; column < n; column += kElementThreads * 4) {
    float sum[4], v[4];
    to_floats(load_at<float, 4, kAligned>(to, column, n), sum);
    for (std::int64_t i = at; i < end; ++i) {
      const T* row = static_cast<const T*>(r.rows) + static_cast<std::int64_t>(r.order[i]) * n;
      to_floats(load_at<T, 4, kAligned>(row, column, n), v);
#pragma unroll
      for (int j = 0; j < 4; ++j) sum[j] += v[j];
    }
    store_at<float, 4, kAligned>(to, column, n, of_floats<float>(sum));
  }
}

template <class Unit>
void gather_as(const Gather& r) {
  const PackGrid grid(r.count, r.row_bytes / static_cast<std::int64_t>(sizeof(Unit)), 1);
  constexpr std::int64_t kBlock = std::int64_t{kGatherThreads} * kGatherEach;
  const std::int64_t blocks = (grid.packs + kBlock - 1) / kBlock;
  check(blocks < (std::int64_t{1} << 31), "gather: more blocks than a grid has");
  gather_units<Unit><<<static_cast<unsigned>(blocks), kGatherThreads, 0, r.stream>>>(r, grid);
  AISP_CUDA(cudaGetLastError());
}

template <class T>
void scatter_as(const ScatterAdd& r, bool aligned) {
  if (r.order != nullptr) {
    const auto kernel = aligned ? add_in_order<T, true> : add_in_order<T, false>;
    kernel<<<static_cast<unsigned>(r.count), kElementThreads, 0, r.stream>>>(r);
    AISP_CUDA(cudaGetLastError());
    return;
  }
  const PackGrid grid(r.count, r.n, 4);
  launch_elements(aligned ? add_atomically<T, true> : add_atomically<T, false>, grid.packs, kEach,
                  r.stream, r, grid);
}

}  // namespace

void run_gather(const Gather& r, int unit_bytes) {
  switch (unit_bytes) {
    case 16:
      return gather_as<uint4>(r);
    case 4:
      return gather_as<std::uint32_t>(r);
    case 2:
      return gather_as<std::uint16_t>(r);
    default:
      return gather_as<std::uint8_t>(r);
  }
}

void run_scatter_add(const ScatterAdd& r, bool aligned) {
  r.type == DType::kBF16 ? scatter_as<Bf16>(r, aligned) : scatter_as<float>(r, aligned);
}

}  // namespace aisp::kernels::gather_cuda
