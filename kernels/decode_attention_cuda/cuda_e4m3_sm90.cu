// Decode attention over a cache of 8-bit floats (e4m3), half the bytes of bf16. Both products run
// in f16, which holds every e4m3 number exactly. A 16-bit matrix load brings pairs of 8-bit
// elements: for K, four consecutive elements of a token make the k of two products (the queries are
// loaded in the same order); for V, the transposed load brings two tokens' pairs of columns, which
// a byte permutation sorts into the two columns.
//
// Source: PTX ISA 9.0, 9.7.9.21 (cvt e4m3x2), 9.7.14.5.8 (mma.m16n8k16).
#include "base/check.h"
#include "kernels/cuda/pack.cuh"
#include "kernels/decode_attention_cuda/cuda_attend.cuh"

namespace aisp::kernels::decode_attention_cuda {
namespace {

__device__ inline void mma_f16(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                               std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7},"
      " {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Four e4m3 to two pairs of f16.
struct Halves {
  std::uint32_t low, high;
};
__device__ inline Halves widen(std::uint32_t four) {
  Halves pair;
  asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.rn.f16x2.e4m3x2 %0, l; cvt.rn.f16x2.e4m3x2 %1, h;"
      " }"
      : "=r"(pair.low), "=r"(pair.high)
      : "r"(four));
  return pair;
}

__device__ inline std::uint32_t bf16_pair_to_f16(std::uint32_t pair) {
  return cuda::pack_f16(cuda::bf16_low(pair), cuda::bf16_high(pair));
}

// See Bf16Rows (cuda.cu). Here step i of the first product has elements 16 i + 4 (l % 4) + 0..3 of
// lane l, and out[2 i + odd] has columns 16 i + 2 n + odd.
template <int kHeadSize>
struct E4m3Rows {
  static constexpr int kHead = kHeadSize, kRowBytes = kHead;
  std::uint32_t q[kHead / 16][4];
  float out[kHead / 8][4];
  Softmax softmax;

  __device__ void start(const DeviceArgs& args, const Run& run, int first_row, int lane) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = first_row + lane / 4 + 8 * half;
      const bf16* from = args.q + query_offset(args, run, row, kHead) + lane % 4 * 4;
#pragma unroll
      for (int i = 0; i < kHead / 16; ++i) {
        const uint2 four =
            row < args.rows ? *reinterpret_cast<const uint2*>(from + 16 * i) : make_uint2(0, 0);
        q[i][half] = bf16_pair_to_f16(four.x);
        q[i][half + 2] = bf16_pair_to_f16(four.y);
      }
    }
#pragma unroll
    for (auto& four : out) four[0] = four[1] = four[2] = four[3] = 0.0F;
  }

  template <int kSubtiles>
  __device__ void take(std::uint32_t k, std::uint32_t v, float scale, const int (&sees)[2],
                       int lane) {
    constexpr int kTile = kTileTokens * kRowBytes;
    float score[2 * kSubtiles][4] = {};
    const int k_row = (lane & 7) + ((lane & 16) >> 1);
#pragma unroll
    for (int i = 0; i < kHead / 32; ++i) {
      const std::uint32_t at = k + piece_offset<kRowBytes>(k_row, 2 * i + ((lane >> 3) & 1));
#pragma unroll
      for (int t = 0; t < kSubtiles; ++t) {
        std::uint32_t part[4];  // tokens 0-7: two pieces of 16 elements; tokens 8-15: the same
        cuda::load_matrix_x4(part, at + t * kTile);
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          const Halves b = widen(part[n]);
          mma_f16(score[2 * t + n / 2], q[2 * i + n % 2], b.low, b.high);
        }
      }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      softmax.step(score, out, half, scale, sees[half], lane);
    }
#pragma unroll
    for (int t = 0; t < kSubtiles; ++t) {
      const float(&low)[4] = score[2 * t];
      const float(&high)[4] = score[2 * t + 1];
      const std::uint32_t weights[4] = {
          cuda::pack_f16(low[0], low[1]), cuda::pack_f16(low[2], low[3]),
          cuda::pack_f16(high[0], high[1]), cuda::pack_f16(high[2], high[3])};
#pragma unroll
      for (int i = 0; i < kHead / 32; ++i) {
        std::uint32_t part[4];  // one piece: tokens 0-7 and 8-15; the next piece: the same
        cuda::load_matrix_x4_transposed(
            part, v + t * kTile + piece_offset<kRowBytes>(lane & 15, 2 * i + (lane >> 4)));
#pragma unroll
        for (int piece = 0; piece < 2; ++piece) {
          const Halves early = widen(__byte_perm(part[2 * piece], 0, 0x3120));
          const Halves late = widen(__byte_perm(part[2 * piece + 1], 0, 0x3120));
          mma_f16(out[4 * i + 2 * piece], weights, early.low, late.low);
          mma_f16(out[4 * i + 2 * piece + 1], weights, early.high, late.high);
        }
      }
    }
  }

  __device__ void store(float* to, int chunk, int half, float scale, int lane) const {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float(&even)[4] = out[4 * chunk + 2 * i];
      const float(&odd)[4] = out[4 * chunk + 2 * i + 1];
      *reinterpret_cast<float4*>(to + 16 * i + lane % 4 * 4) =
          make_float4(even[2 * half] * scale, odd[2 * half] * scale, even[2 * half + 1] * scale,
                      odd[2 * half + 1] * scale);
    }
  }
};

// Eight bf16 to eight e4m3.
__device__ inline uint2 narrowed(const uint4& eight, float inverse) {
  const std::uint32_t pairs[4] = {eight.x, eight.y, eight.z, eight.w};
  std::uint32_t out[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t two =
        cuda::pack_e4m3(cuda::bf16_low(pairs[i]) * inverse, cuda::bf16_high(pairs[i]) * inverse);
    out[i / 2] |= two << (16 * (i % 2));
  }
  return {out[0], out[1]};
}

constexpr int kAppendThreads = 256;

__global__ void append_kernel(const AppendRequest request) {
  const PagedCache& cache = request.cache;
  const int pieces = cache.head_size / 8, per_token = cache.kv_heads * pieces;
  const std::int64_t all = request.tokens * per_token;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kAppendThreads;
  for (std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kAppendThreads + threadIdx.x;
       at < all; at += step) {
    const std::int64_t token = at / per_token, slot = request.slots[token];
    if (slot < 0) continue;
    const int within = static_cast<int>(at % per_token), head = within / pieces;
    const std::int64_t to = cache_offset(cache, slot / cache.block_tokens, head, CachePart::kK,
                                         static_cast<int>(slot % cache.block_tokens)) +
                            within % pieces * 8;
    const std::int64_t v_ahead = static_cast<std::int64_t>(cache.block_tokens) * cache.head_size;
    const float k_inverse = cache.k_scale != nullptr ? 1.0F / cache.k_scale[head] : 1.0F;
    const float v_inverse = cache.v_scale != nullptr ? 1.0F / cache.v_scale[head] : 1.0F;
    auto* bytes = static_cast<char*>(cache.data);
    *reinterpret_cast<uint2*>(bytes + to) = narrowed(
        reinterpret_cast<const uint4*>(request.k + token * request.k_stride)[within], k_inverse);
    *reinterpret_cast<uint2*>(bytes + to + v_ahead) = narrowed(
        reinterpret_cast<const uint4*>(request.v + token * request.v_stride)[within], v_inverse);
  }
}

}  // namespace

void attend_e4m3(const Request& request) { launch<E4m3Rows>(request); }

void append_e4m3(const AppendRequest& request, int blocks) {
  check(machine::cuda_device().needs_hopper().empty(), "append: an e4m3 cache needs Hopper");
  append_kernel<<<blocks, kAppendThreads, 0, request.stream>>>(request);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::kernels::decode_attention_cuda
