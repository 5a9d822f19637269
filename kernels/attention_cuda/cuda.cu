// Attention on any card from sm_80, and with strides that the copy engine does not take: four warps
// of 16 queries (mma), tiles of 64 keys, the next tile of V or K on its way while the other is
// multiplied. The plain variant: flash_sm90.cu is the quick one on Hopper.
//
// Source: T. Dao, "FlashAttention-2" (2023), 3.3.
#include <cmath>

#include "kernels/attention_cuda/cuda.h"
#include "kernels/attention_cuda/flash_tile.cuh"
#include "kernels/attention_cuda/launches.h"
#include "kernels/attention_cuda/schedule.h"
#include "kernels/cuda/mma.cuh"
#include "machine/cuda_raii.h"

namespace aisp::kernels::attention_cuda {
namespace {

constexpr int kQueries = 64, kKeys = 64, kThreads = 128;

struct Args {
  const std::uint16_t *q, *k, *v;
  Strides q_strides, k_strides, v_strides;
  Work work;
};

template <int kD>
struct Shared {
  using Row = std::uint16_t[kD + 8];  // 16 bytes more: eight rows of a matrix meet all banks
  Row q[kQueries], k[kKeys], v[kKeys];
};

/// 64 rows of a head to shared memory; those past `rows` are zero.
template <int kD, bool kAligned>
__device__ inline void load_rows(std::uint16_t (*to)[kD + 8], const std::uint16_t* from,
                                 std::int64_t stride, int rows) {
  for (int i = static_cast<int>(threadIdx.x); i < 64 * kD / 8; i += kThreads) {
    const int row = i / (kD / 8), column = i % (kD / 8) * 8;
    const bool exists = row < rows;
    const std::uint16_t* source = from + (exists ? row : 0) * stride + column;
    if constexpr (kAligned) {
      cuda::copy_async_16(cuda::shared_address(&to[row][column]), source, exists ? 16 : 0);
    } else {
#pragma unroll
      for (int e = 0; e < 8; ++e) to[row][column + e] = exists ? source[e] : std::uint16_t{0};
    }
  }
  cuda::copy_async_commit();
}

template <class Element>
__device__ inline void multiply(float* d, const std::uint32_t (&a)[4], std::uint32_t b0,
                                std::uint32_t b1) {
  float(&four)[4] = *reinterpret_cast<float(*)[4]>(d);
  Element::kF16 ? cuda::mma_f16(four, a, b0, b1) : cuda::mma_bf16(four, a, b0, b1);
}

/// s[16 x 64] = q[16 x D] k[64 x D]^T
template <class Element, int kD>
__device__ inline void scores(float (&s)[kKeys / 2], const std::uint32_t (&q)[kD / 16][4],
                              const std::uint16_t (*k)[kD + 8]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (float& x : s) x = 0.0F;
#pragma unroll
  for (int i = 0; i < kD / 16; ++i) {
#pragma unroll
    for (int j = 0; j < kKeys / 16; ++j) {
      std::uint32_t b[4];
      cuda::load_matrix_x4(
          b,
          cuda::shared_address(&k[16 * j + lane / 16 * 8 + lane % 8][16 * i + lane / 8 % 2 * 8]));
      multiply<Element>(s + 8 * j, q[i], b[0], b[1]);
      multiply<Element>(s + 8 * j + 4, q[i], b[2], b[3]);
    }
  }
}

/// o[16 x D] += p[16 x 64] v[64 x D]
template <class Element, int kD>
__device__ inline void output(float (&o)[kD / 2], const std::uint32_t (&p)[kKeys / 16][4],
                              const std::uint16_t (*v)[kD + 8]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int i = 0; i < kKeys / 16; ++i) {
#pragma unroll
    for (int j = 0; j < kD / 16; ++j) {
      std::uint32_t b[4];
      cuda::load_matrix_x4_transposed(
          b, cuda::shared_address(&v[16 * i + lane % 16][16 * j + lane / 16 * 8]));
      multiply<Element>(o + 8 * j, p[i], b[0], b[1]);
      multiply<Element>(o + 8 * j + 4, p[i], b[2], b[3]);
    }
  }
}

/// The tile of this block: queries of one head of one sequence.
__device__ inline Tile tile_of(const Work& work) {
  Tile tile{
      static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y), 0, work.queries, work.keys, 0, 0};
  if (work.query_starts != nullptr) {
    tile.query_row = work.query_starts[tile.batch];
    tile.queries = work.query_starts[tile.batch + 1] - tile.query_row;
    tile.key_row = work.key_starts[tile.batch];
    tile.keys = work.key_starts[tile.batch + 1] - tile.key_row;
  }
  const int tiles = (tile.queries + kQueries - 1) / kQueries, index = static_cast<int>(blockIdx.x);
  if (index >= tiles) return {-1};
  tile.first_query = (work.causal != 0 ? tiles - 1 - index : index) * kQueries;
  return tile;
}

template <int kD, class Element, bool kAligned>
__global__ __launch_bounds__(kThreads) void mma_attention(const __grid_constant__ Args args) {
  extern __shared__ __align__(16) unsigned char raw[];
  Shared<kD>& shared = *reinterpret_cast<Shared<kD>*>(raw);
  const Tile tile = tile_of(args.work);
  if (tile.batch < 0) return;
  const int kv_head = tile.head / args.work.group;
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int first_row = tile.first_query + 16 * warp + lane / 4;
  const auto rows_of = [&](const std::uint16_t* data, const Strides& strides, int row, int head) {
    return data + tile.batch * strides.batch + row * strides.token + head * strides.head;
  };
  const std::uint16_t* k = rows_of(args.k, args.k_strides, tile.key_row, kv_head);
  const std::uint16_t* v = rows_of(args.v, args.v_strides, tile.key_row, kv_head);
  const auto load = [&](auto* to, const std::uint16_t* from, std::int64_t stride, int n) {
    load_rows<kD, kAligned>(to, from + static_cast<std::int64_t>(n) * kKeys * stride, stride,
                            tile.keys - n * kKeys);
  };
  OnlineSoftmax softmax{args.work.scale_log2};
  float o[kD / 2];
#pragma unroll
  for (float& x : o) x = 0.0F;
  const int tiles = key_tiles<kQueries, kKeys>(tile, args.work.causal);
  if (tiles > 0) {
    load_rows<kD, kAligned>(
        shared.q, rows_of(args.q, args.q_strides, tile.query_row + tile.first_query, tile.head),
        args.q_strides.token, tile.queries - tile.first_query);
    load(shared.k, k, args.k_strides.token, tiles - 1);
    cuda::copy_async_wait<0>();
    __syncthreads();
    std::uint32_t q[kD / 16][4];
#pragma unroll
    for (int i = 0; i < kD / 16; ++i) {
      cuda::load_matrix_x4(
          q[i], cuda::shared_address(&shared.q[16 * warp + lane % 16][16 * i + lane / 16 * 8]));
    }
    const int past = tile.keys - tile.queries + 1 + first_row, column = 2 * (lane % 4);
    const bool causal = args.work.causal != 0;
    for (int n = tiles - 1; n >= 0; --n) {
      load(shared.v, v, args.v_strides.token, n);
      float s[kKeys / 2];
      scores<Element, kD>(s, q, shared.k);
      const int base = n * kKeys + column;
      const int limit[2] = {(causal ? min(tile.keys, past) : tile.keys) - base,
                            (causal ? min(tile.keys, past + 8) : tile.keys) - base};
      mask_scores(s, limit);
      softmax.template step<true>(s);
      scale_rows(o, softmax.rescale);
      std::uint32_t p[kKeys / 16][4];
      to_operand<Element>(s, p);
      cuda::copy_async_wait<0>();
      __syncthreads();  // V is here, K is no longer needed
      if (n > 0) load(shared.k, k, args.k_strides.token, n - 1);
      output<Element, kD>(o, p, shared.v);
      cuda::copy_async_wait<0>();
      __syncthreads();
    }
  }
  const OutputRows<kD> rows(args.work, tile, first_row);
  rows.template store<Element, kAligned>(o, softmax);
}

template <int kD, class Element>
void launch(const Request& request, const Args& args, bool aligned) {
  const Shape& shape = request.shape;
  const auto kernel =
      aligned ? mma_attention<kD, Element, true> : mma_attention<kD, Element, false>;
  constexpr int kBytes = sizeof(Shared<kD>);
  AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes));
  const dim3 grid(static_cast<unsigned>((shape.queries + kQueries - 1) / kQueries),
                  static_cast<unsigned>(shape.heads), static_cast<unsigned>(shape.batch));
  kernel<<<grid, kThreads, kBytes, request.stream>>>(args);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace

void run_mma(const Request& request) {
  const Shape& shape = request.shape;
  Args args{.q = static_cast<const std::uint16_t*>(request.q),
            .k = static_cast<const std::uint16_t*>(request.k),
            .v = static_cast<const std::uint16_t*>(request.v),
            .q_strides = request.q_strides,
            .k_strides = request.k_strides,
            .v_strides = request.v_strides,
            .work = work_of(request)};
  if (request.query_starts != nullptr) {
    args.q_strides.batch = args.k_strides.batch = args.v_strides.batch = 0;
  }
  const bool aligned = why_unaligned(request).empty();
  if (shape.D == 128) {
    shape.type == DType::kBF16 ? launch<128, Bf16>(request, args, aligned)
                               : launch<128, F16>(request, args, aligned);
  } else {
    shape.type == DType::kBF16 ? launch<64, Bf16>(request, args, aligned)
                               : launch<64, F16>(request, args, aligned);
  }
}

}  // namespace aisp::kernels::attention_cuda
