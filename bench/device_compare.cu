// Kernels over whole buffers. See device_compare.h.
#include "bench/device_compare.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <math_constants.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "machine/cuda_raii.h"

namespace aisp::bench {
namespace {

constexpr int kThreads = 256;

// A few waves of blocks that stride over the buffer.
int blocks_for(std::size_t count) {
  const std::size_t most = 8u * static_cast<std::size_t>(machine::cuda_device().multiprocessors);
  return static_cast<int>(std::clamp<std::size_t>((count + kThreads - 1) / kThreads, 1, most));
}

__device__ std::size_t first() { return std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ std::size_t stride() { return std::size_t{gridDim.x} * blockDim.x; }

// What the kernels add up, in page-locked memory that the device writes to.
struct Totals {
  unsigned long long wrong, nonfinite, finite, hash;
  unsigned long long worst;  // bits of a double that is not negative: ordered like the number
  double squares;
};

__global__ void fill_kernel(unsigned char* data, std::size_t bytes, unsigned long long word) {
  auto* words = reinterpret_cast<unsigned long long*>(data);
  for (std::size_t i = first(); i < bytes / 8; i += stride()) words[i] = word;
  if (first() < bytes % 8) {
    const std::size_t at = bytes / 8 * 8 + first();
    data[at] = static_cast<unsigned char>(word >> (8 * first()));
  }
}

__global__ void differ_kernel(const unsigned char* a, const unsigned char* b, std::size_t bytes,
                              Totals* totals) {
  bool differs = false;
  const auto* wide_a = reinterpret_cast<const ulonglong2*>(a);
  const auto* wide_b = reinterpret_cast<const ulonglong2*>(b);
  for (std::size_t i = first(); i < bytes / 16; i += stride()) {
    const ulonglong2 x = wide_a[i], y = wide_b[i];
    differs = differs || x.x != y.x || x.y != y.y;
  }
  if (first() < bytes % 16) {
    const std::size_t at = bytes / 16 * 16 + first();
    differs = differs || a[at] != b[at];
  }
  if (differs) atomicAdd(&totals->wrong, 1ull);
}

__device__ unsigned long long mix(unsigned long long x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdull;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ull;
  return x ^ (x >> 33);
}

__global__ void hash_kernel(const unsigned char* data, std::size_t bytes, Totals* totals) {
  unsigned long long sum = 0;
  const auto* words = reinterpret_cast<const unsigned long long*>(data);
  for (std::size_t i = first(); i < bytes / 8; i += stride()) sum += mix(words[i] + mix(i));
  if (first() < bytes % 8) {
    const std::size_t at = bytes / 8 * 8 + first();
    sum += mix(data[at] + mix(at + bytes));
  }
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  if (threadIdx.x % 32 == 0 && sum != 0) atomicAdd(&totals->hash, sum);
}

template <class T>
__device__ double as_double(T value) {
  return static_cast<double>(value);
}
template <>
__device__ double as_double(__half value) {
  return static_cast<double>(__half2float(value));
}
template <>
__device__ double as_double(__nv_bfloat16 value) {
  return static_cast<double>(__bfloat162float(value));
}

// The rules of compare_as() in base/numeric.cc, element by element.
template <class T>
__global__ void compare_kernel(const T* got, std::size_t count, const double* want,
                               const double* scales, Tolerance tolerance, bool skip_nonfinite,
                               Totals* totals) {
  unsigned long long wrong = 0, nonfinite = 0, finite = 0;
  double squares = 0.0, worst = 0.0;
  for (std::size_t i = first(); i < count; i += stride()) {
    const double value = as_double(got[i]), expected = want[i];
    if (value == expected) {
      ++finite;
      continue;
    }
    if (!isfinite(value) || !isfinite(expected)) {
      if ((isnan(value) && isnan(expected)) || skip_nonfinite) continue;
      ++wrong;
      ++nonfinite;
      worst = CUDART_INF;
      continue;
    }
    const double scale = scales == nullptr ? fabs(expected) : scales[i];
    const double bound = tolerance.relative * scale + tolerance.absolute;
    const double in_bounds = bound > 0.0 ? fabs(value - expected) / bound : CUDART_INF;
    ++finite;
    if (in_bounds > 1.0) ++wrong;
    if (isfinite(in_bounds)) squares += in_bounds * in_bounds;
    worst = fmax(worst, in_bounds);
  }
  for (int step = 16; step > 0; step /= 2) {
    wrong += __shfl_xor_sync(~0u, wrong, step);
    nonfinite += __shfl_xor_sync(~0u, nonfinite, step);
    finite += __shfl_xor_sync(~0u, finite, step);
    squares += __shfl_xor_sync(~0u, squares, step);
    worst = fmax(worst, __shfl_xor_sync(~0u, worst, step));
  }
  if (threadIdx.x % 32 != 0) return;
  if (wrong != 0) atomicAdd(&totals->wrong, wrong);
  if (nonfinite != 0) atomicAdd(&totals->nonfinite, nonfinite);
  atomicAdd(&totals->finite, finite);
  atomicAdd(&totals->squares, squares);
  atomicMax(&totals->worst, static_cast<unsigned long long>(__double_as_longlong(worst)));
}

// Runs a kernel that adds to totals, and brings them back.
template <class Launch>
Totals collect(machine::CudaStream stream, Launch launch) {
  static const machine::DeviceBuffer memory(sizeof(Totals));
  auto* totals = memory.as<Totals>();
  Totals back{};
  AISP_CUDA(cudaMemsetAsync(totals, 0, sizeof(Totals), stream));
  launch(totals);
  AISP_CUDA(cudaGetLastError());
  AISP_CUDA(cudaMemcpyAsync(&back, totals, sizeof(Totals), cudaMemcpyDeviceToHost, stream));
  AISP_CUDA(cudaStreamSynchronize(stream));
  return back;
}

}  // namespace

void fill_on_device(void* data, std::size_t bytes, std::uint64_t word, machine::CudaStream stream) {
  if (bytes == 0) return;
  fill_kernel<<<blocks_for(bytes / 8 + 8), kThreads, 0, stream>>>(static_cast<unsigned char*>(data),
                                                                  bytes, word);
  AISP_CUDA(cudaGetLastError());
  AISP_CUDA(cudaStreamSynchronize(stream));
}

bool same_on_device(const void* a, const void* b, std::size_t bytes, machine::CudaStream stream) {
  const auto *left = static_cast<const unsigned char*>(a),
             *right = static_cast<const unsigned char*>(b);
  return collect(stream, [&](Totals* totals) {
           differ_kernel<<<blocks_for(bytes / 16 + 16), kThreads, 0, stream>>>(left, right, bytes,
                                                                               totals);
         }).wrong == 0;
}

std::uint64_t hash_on_device(const void* data, std::size_t bytes, machine::CudaStream stream) {
  return collect(stream,
                 [&](Totals* totals) {
                   hash_kernel<<<blocks_for(bytes / 8 + 8), kThreads, 0, stream>>>(
                       static_cast<const unsigned char*>(data), bytes, totals);
                 })
      .hash;
}

Comparison compare_on_device(const void* got, DType type, std::size_t count, const double* value,
                             const double* scale, const Tolerance& tolerance, bool skip_nonfinite,
                             machine::CudaStream stream) {
  const Totals totals = collect(stream, [&](Totals* into) {
    const auto launch = [&](auto tag) {
      using T = decltype(tag);
      compare_kernel<<<blocks_for(count), kThreads, 0, stream>>>(
          static_cast<const T*>(got), count, value, scale, tolerance, skip_nonfinite, into);
    };
    switch (type) {
      case DType::kF64:
        return launch(double{});
      case DType::kF32:
        return launch(float{});
      case DType::kF16:
        return launch(__half{});
      case DType::kBF16:
        return launch(__nv_bfloat16{});
      case DType::kI64:
        return launch(std::int64_t{});
      case DType::kI32:
        return launch(std::int32_t{});
      case DType::kI8:
        return launch(std::int8_t{});
      case DType::kU8:
        return launch(std::uint8_t{});
      case DType::kU16:
        return launch(std::uint16_t{});
      case DType::kU32:
        return launch(std::uint32_t{});
      default:
        check(false, "a type that the device cannot compare");
    }
  });
  Comparison result;
  result.count = count;
  result.wrong = totals.wrong;
  result.nonfinite = totals.nonfinite;
  std::copy_n(reinterpret_cast<const char*>(&totals.worst), sizeof(double),
              reinterpret_cast<char*>(&result.worst_in_bounds));
  const auto finite = static_cast<double>(totals.finite);
  if (finite > 0.0) result.rms_in_bounds = std::sqrt(totals.squares / finite);
  const double room = 1.0 + 4.0 / std::sqrt(std::max(finite, 1.0));
  result.rms_exceeded = result.rms_in_bounds > std::min(1.0, tolerance.rms * room);
  return result;
}

}  // namespace aisp::bench
