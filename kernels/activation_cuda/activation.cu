// The kernels of activation.h. Four packs a thread and input: 64 bytes in flight from each.
//
// Source: see activation.h.
#include "kernels/activation_cuda/run.h"
#include "kernels/cuda/element.cuh"

namespace aisp::kernels::activation_cuda {
namespace {

using namespace cuda;

constexpr int kEach = 4;
constexpr float kLog2E = 1.4426950408889634F;

/// 1 / (1 + e^-z).
__device__ float sigmoid(float z) { return __fdividef(1.0F, 1.0F + exp2f(-kLog2E * z)); }

// Abramowitz and Stegun 7.1.26, |error| < 1.5e-7: a third of erff's instructions, which at two
// bytes an element would hold up memory.
__device__ float normal_share(float a) {
  const float x = fabsf(a) * 0.70710678F, t = __fdividef(1.0F, fmaf(0.3275911F, x, 1.0F));
  float poly = fmaf(1.061405429F, t, -1.453152027F);
  poly = fmaf(poly, t, 1.421413741F);
  poly = fmaf(poly, t, -0.284496736F);
  poly = fmaf(poly, t, 0.254829592F) * t;
  const float half_tail = 0.5F * poly * exp2f(-kLog2E * x * x);  // of the normal distribution
  return a < 0.0F ? half_tail : 1.0F - half_tail;
}

template <Op kOp, class T>
__device__ float apply(float a, float b) {
  switch (kOp) {
    case Op::kSwiglu:
      return a * sigmoid(a) * b;
    case Op::kGelu:
      return sizeof(T) == 2 ? a * normal_share(a) : 0.5F * a * (1.0F + erff(a * 0.70710678F));
    case Op::kGeluTanh:
      return a * sigmoid(1.5957691216F * fmaf(0.044715F * a * a, a, a));
    case Op::kSilu:
      return a * sigmoid(a);
    case Op::kAdd:
      return a + b;
  }
  return 0.0F;
}

template <Op kOp>
constexpr bool kHasTwo = kOp == Op::kSwiglu || kOp == Op::kAdd;

template <Op kOp, class T, bool kAligned>
__global__ void __launch_bounds__(kElementThreads)
    activate_packs(const Request r, const PackGrid grid) {
  constexpr int kCount = kLanes<T>;
  const std::int64_t first =
      static_cast<std::int64_t>(blockIdx.x) * kElementThreads * kEach + threadIdx.x;
  Pack<T, kCount> a[kEach], b[kEach];
  PackPlace place[kEach];
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const std::int64_t pack = first + i * kElementThreads;
    if (pack >= grid.packs) continue;
    place[i] = grid.place(pack, kCount);
    a[i] = load_at<T, kCount, kAligned>(static_cast<const T*>(r.a) + place[i].row * r.a_stride,
                                        place[i].column, grid.n);
    if constexpr (kHasTwo<kOp>) {
      b[i] = load_at<T, kCount, kAligned>(static_cast<const T*>(r.b) + place[i].row * r.b_stride,
                                          place[i].column, grid.n);
    }
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    if (first + i * kElementThreads >= grid.packs) continue;
    float x[kCount], y[kCount] = {};
    to_floats(a[i], x);
    if constexpr (kHasTwo<kOp>) to_floats(b[i], y);
#pragma unroll
    for (int j = 0; j < kCount; ++j) x[j] = apply<kOp, T>(x[j], y[j]);
    store_at<T, kCount, kAligned>(static_cast<T*>(r.out) + place[i].row * r.out_stride,
                                  place[i].column, grid.n, of_floats<T>(x));
  }
}

template <class T, bool kAligned>
__global__ void __launch_bounds__(kElementThreads)
    swiglu_backward_packs(const Request r, const PackGrid grid, const T* dout, T* da, T* db) {
  constexpr int kCount = kLanes<T>, kPacks = 2;
  const std::int64_t first =
      static_cast<std::int64_t>(blockIdx.x) * kElementThreads * kPacks + threadIdx.x;
  Pack<T, kCount> a[kPacks], b[kPacks], d[kPacks];
  PackPlace place[kPacks];
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const std::int64_t pack = first + i * kElementThreads;
    if (pack >= grid.packs) continue;
    place[i] = grid.place(pack, kCount);
    const auto [row, column] = place[i];
    a[i] =
        load_at<T, kCount, kAligned>(static_cast<const T*>(r.a) + row * r.a_stride, column, grid.n);
    b[i] =
        load_at<T, kCount, kAligned>(static_cast<const T*>(r.b) + row * r.b_stride, column, grid.n);
    d[i] = load_at<T, kCount, kAligned>(dout + row * r.out_stride, column, grid.n);
  }
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    if (first + i * kElementThreads >= grid.packs) continue;
    float x[kCount], y[kCount], z[kCount];
    to_floats(a[i], x);
    to_floats(b[i], y);
    to_floats(d[i], z);
#pragma unroll
    for (int j = 0; j < kCount; ++j) {
      const float s = sigmoid(x[j]), silu = x[j] * s;
      const float slope = s * fmaf(x[j], 1.0F - s, 1.0F);
      x[j] = z[j] * y[j] * slope;
      y[j] = z[j] * silu;
    }
    const auto [row, column] = place[i];
    store_at<T, kCount, kAligned>(da + row * r.a_stride, column, grid.n, of_floats<T>(x));
    store_at<T, kCount, kAligned>(db + row * r.b_stride, column, grid.n, of_floats<T>(y));
  }
}

template <Op kOp, class T>
void launch(const Request& r, bool aligned) {
  const PackGrid grid(r.rows, r.n, kLanes<T>);
  launch_elements(aligned ? activate_packs<kOp, T, true> : activate_packs<kOp, T, false>,
                  grid.packs, kEach, r.stream, r, grid);
}

template <class T>
void run_as(const Request& r, bool aligned) {
  switch (r.op) {
    case Op::kSwiglu:
      return launch<Op::kSwiglu, T>(r, aligned);
    case Op::kGelu:
      return launch<Op::kGelu, T>(r, aligned);
    case Op::kGeluTanh:
      return launch<Op::kGeluTanh, T>(r, aligned);
    case Op::kSilu:
      return launch<Op::kSilu, T>(r, aligned);
    case Op::kAdd:
      return launch<Op::kAdd, T>(r, aligned);
  }
}

template <class T>
void run_backward_as(const Request& r, const void* dout, void* da, void* db, bool aligned) {
  const PackGrid grid(r.rows, r.n, kLanes<T>);
  launch_elements(aligned ? swiglu_backward_packs<T, true> : swiglu_backward_packs<T, false>,
                  grid.packs, 2, r.stream, r, grid, static_cast<const T*>(dout),
                  static_cast<T*>(da), static_cast<T*>(db));
}

}  // namespace

void run(const Request& r, bool aligned) {
  r.type == DType::kBF16 ? run_as<Bf16>(r, aligned) : run_as<float>(r, aligned);
}
void run_backward(const Request& r, const void* dout, void* da, void* db, bool aligned) {
  r.type == DType::kBF16 ? run_backward_as<Bf16>(r, dout, da, db, aligned)
                         : run_backward_as<float>(r, dout, da, db, aligned);
}

}  // namespace aisp::kernels::activation_cuda
