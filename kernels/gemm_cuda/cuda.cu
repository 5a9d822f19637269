// mma_sync: any architecture from sm_80, any sizes, any alignment, all epilogues. 64 x 64 tiles by
// four warps, one stage in shared memory and the next in registers; e4m3 becomes bf16 on the way in
// (exactly). The plain way, for what the copy engine cannot take and for cards without it; not
// tuned.
//
// Source: PTX ISA 9.0 (mma.m16n8k16).
#include <cuda_fp8.h>

#include "kernels/cuda/mma.cuh"
#include "kernels/gemm_cuda/epilogue_math.cuh"
#include "kernels/gemm_cuda/variants.h"
#include "machine/cuda_raii.h"

namespace aisp::kernels::gemm_cuda {
namespace {

constexpr int kTile = 64, kK = 32, kThreads = 128;
constexpr int kPitch = kK + 8;  // 80 bytes: the eight rows of an ldmatrix meet all 32 banks

struct Operands {
  const void *a, *b;
  void* c;
  std::int64_t a_stride, b_stride, c_stride;
  int K;
  bool e4m3;
  Output output;
  const bf16* residual;
  bool gated;
};

/// Element `at` of a matrix as bf16 bits; 0 outside.
__device__ std::uint16_t element(const void* data, bool e4m3, std::int64_t at, bool inside) {
  if (!inside) return 0;
  if (!e4m3) return static_cast<const std::uint16_t*>(data)[at];
  __nv_fp8_e4m3 value;
  value.__x = static_cast<const __nv_fp8_storage_t*>(data)[at];
  return static_cast<std::uint16_t>(__float_as_uint(static_cast<float>(value)) >> 16);
}

/// This thread's 16 elements of a tile of 64 rows x 32 of K: row t / 2, half of the columns.
struct Slice {
  std::uint16_t value[16];
  __device__ void load(const void* data, bool e4m3, std::int64_t stride, int row, int rows, int k,
                       int K) {
    const int r = row + static_cast<int>(threadIdx.x) / 2;
    const int first = k + 16 * (static_cast<int>(threadIdx.x) % 2);
#pragma unroll
    for (int i = 0; i < 16; ++i) {
      value[i] = element(data, e4m3, r * stride + first + i, r < rows && first + i < K);
    }
  }
  __device__ void put(std::uint16_t (&to)[kTile][kPitch]) const {
#pragma unroll
    for (int i = 0; i < 16; ++i) to[threadIdx.x / 2][16 * (threadIdx.x % 2) + i] = value[i];
  }
};

/// sums[i][j][...]: rows 16 i, columns 8 j of this warp's 32 x 32.
using Sums = float[2][4][4];

__device__ void multiply(const std::uint16_t (&a)[kTile][kPitch],
                         const std::uint16_t (&b)[kTile][kPitch], Sums& sums) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int k = 0; k < kK; k += 16) {
    std::uint32_t of_a[2][4], of_b[2][4];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      cuda::load_matrix_x4(
          of_a[i],
          cuda::shared_address(&a[32 * (warp / 2) + 16 * i + lane % 16][k + 8 * (lane / 16)]));
      // Matrices: columns 0-7 with k 0-7 and k 8-15, then columns 8-15.
      cuda::load_matrix_x4(
          of_b[i],
          cuda::shared_address(
              &b[32 * (warp % 2) + 16 * i + lane % 8 + 8 * (lane / 16)][k + 8 * (lane / 8 % 2)]));
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        cuda::mma_bf16(sums[i][j], of_a[i], of_b[j / 2][2 * (j % 2)], of_b[j / 2][2 * (j % 2) + 1]);
      }
    }
  }
}

/// sums = A's rows from `row` times B's rows from `column`.
__device__ void product(const Operands& o, int row, int rows, int column, int columns,
                        std::uint16_t (&a)[kTile][kPitch], std::uint16_t (&b)[kTile][kPitch],
                        Sums& sums) {
  Slice next_a, next_b;
  next_a.load(o.a, o.e4m3, o.a_stride, row, rows, 0, o.K);
  next_b.load(o.b, o.e4m3, o.b_stride, column, columns, 0, o.K);
  for (int k = 0; k < o.K; k += kK) {
    __syncthreads();
    next_a.put(a);
    next_b.put(b);
    __syncthreads();
    if (k + kK < o.K) {
      next_a.load(o.a, o.e4m3, o.a_stride, row, rows, k + kK, o.K);
      next_b.load(o.b, o.e4m3, o.b_stride, column, columns, k + kK, o.K);
    }
    multiply(a, b, sums);
  }
}

__device__ void store(const Operands& o, const Epilogue& e, int m, int n, float x, float up) {
  if (m >= e.M || n >= e.N) return;
  x = before_activation(e, m, n, x);
  x = activate(x, e.activation);
  if (o.gated) x *= before_activation(e, m, e.N + n, up);
  const std::int64_t at = m * o.c_stride + n;
  if (o.residual != nullptr) {
    x += __uint_as_float(static_cast<std::uint32_t>(o.residual[at].bits) << 16);
  }
  if (o.output == Output::kF32) {
    static_cast<float*>(o.c)[at] = x;
  } else if (o.output == Output::kBF16) {
    static_cast<std::uint16_t*>(o.c)[at] =
        static_cast<std::uint16_t>(cuda::pack_bf16(x, 0.0F) & 0xffffU);
  } else {
    const float scaled = x * (1.0F / *e.output_scale);
    static_cast<__nv_fp8_storage_t*>(o.c)[at] =
        __nv_cvt_float_to_fp8(scaled, __NV_SATFINITE, __NV_E4M3);
  }
}

__global__ void __launch_bounds__(kThreads) gemm_mma(Operands o, Epilogue e) {
  __shared__ __align__(16) std::uint16_t a[kTile][kPitch];
  __shared__ __align__(16) std::uint16_t b[kTile][kPitch];
  const int row = static_cast<int>(blockIdx.y) * kTile;
  const int column = static_cast<int>(blockIdx.x) * kTile;
  Sums sums = {}, up = {};
  product(o, row, e.M, column, e.N, a, b, sums);
  if (o.gated) {
    Operands of_up = o;
    of_up.b = static_cast<const char*>(o.b) + e.N * o.b_stride * (o.e4m3 ? 1 : 2);
    product(of_up, row, e.M, column, e.N, a, b, up);
  }
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int x = 0; x < 4; ++x) {
        store(o, e, row + 32 * (warp / 2) + 16 * i + lane / 4 + 8 * (x / 2),
              column + 32 * (warp % 2) + 8 * j + 2 * (lane % 4) + x % 2, sums[i][j][x],
              up[i][j][x]);
      }
    }
  }
}

}  // namespace

void run_mma_sync(const Request& request, const Config&) {
  const Strides strides = strides_of(request);
  const Operands operands{request.a,
                          request.b,
                          request.c,
                          strides.a,
                          strides.b,
                          strides.c,
                          static_cast<int>(request.shape.K),
                          request.input == Input::kE4M3,
                          request.output,
                          request.residual,
                          request.gated};
  const Epilogue epilogue = epilogue_of(request);
  const dim3 blocks(static_cast<unsigned>((epilogue.N + kTile - 1) / kTile),
                    static_cast<unsigned>((epilogue.M + kTile - 1) / kTile));
  gemm_mma<<<blocks, kThreads, 0, request.stream>>>(operands, epilogue);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::kernels::gemm_cuda
