// Rotations: a warp takes some rows of one token; each lane turns 8 pairs of a row, the same pairs
// in all its rows.
#include "kernels/cuda/pack.cuh"
#include "kernels/rope_cuda/cuda_shape.h"
#include "machine/cuda_raii.h"

namespace aisp::kernels::rope_cuda {
namespace {

using decode_attention_cuda::CachePart;

// Where row `row` of a token lies: q's heads, then k's, then v's. `to` is null for nowhere.
struct Row {
  const bf16* from;
  bf16* to;
  bool turns;
};

__device__ inline Row row_of(const Request& r, std::int64_t token, int row, std::int64_t slot) {
  if (row < r.heads) {
    bf16* q = r.q + token * r.q_stride + static_cast<std::int64_t>(row) * r.head_size;
    return {q, q, true};
  }
  const bool is_v = row >= r.heads + r.kv_heads;
  const int head = row - r.heads - (is_v ? r.kv_heads : 0);
  const bf16* from = (is_v ? r.v + token * r.v_stride : r.k + token * r.k_stride) +
                     static_cast<std::int64_t>(head) * r.head_size;
  if (r.cache.data == nullptr) return {from, r.k + (from - r.k), true};
  if (slot < 0) return {from, nullptr, !is_v};
  const int tokens = r.cache.block_tokens;
  const std::int64_t at =
      cache_offset(r.cache, slot / tokens, head, is_v ? CachePart::kV : CachePart::kK,
                   static_cast<int>(slot % tokens));
  return {from, static_cast<bf16*>(r.cache.data) + at, !is_v};
}

__device__ inline void turn(float& a, float& b, float c, float s) {
  const float x = a;
  a = x * c - b * s;
  b = b * c + x * s;
}

// Two words of two elements each, of the first and of the second piece.
template <Pairing kPairing>
__device__ inline void turn_words(std::uint32_t& x, std::uint32_t& y, const float* c,
                                  const float* s) {
  float a = cuda::bf16_low(x), b = cuda::bf16_high(x);
  float p = cuda::bf16_low(y), q = cuda::bf16_high(y);
  if constexpr (kPairing == Pairing::kHalves) {
    turn(a, p, c[0], s[0]);
    turn(b, q, c[1], s[1]);
  } else {  // the second piece's pairs come 4 after the first's
    turn(a, b, c[0], s[0]);
    turn(p, q, c[4], s[4]);
  }
  x = cuda::pack_bf16(a, b);
  y = cuda::pack_bf16(p, q);
}

template <Pairing kPairing>
__device__ inline void turn_pieces(uint4& x, uint4& y, const float (&c)[8], const float (&s)[8]) {
  constexpr int kStep = kPairing == Pairing::kHalves ? 2 : 1;
  turn_words<kPairing>(x.x, y.x, c, s);
  turn_words<kPairing>(x.y, y.y, c + kStep, s + kStep);
  turn_words<kPairing>(x.z, y.z, c + 2 * kStep, s + 2 * kStep);
  turn_words<kPairing>(x.w, y.w, c + 3 * kStep, s + 3 * kStep);
}

template <Pairing kPairing>
__global__ void __launch_bounds__(kThreads)
    rotate_kernel(const __grid_constant__ Request request, int rows, int items) {
  const int lanes = lanes_of_row(request.head_size);
  const int lane = threadIdx.x % 32, pair = lane % lanes;
  const bool inside = pair < request.rotary_size / 16;
  // Elements of the two pieces. What does not turn is only copied, if it has to go elsewhere.
  const bool apart = kPairing == Pairing::kHalves && inside;
  const int first = apart ? 8 * pair : 16 * pair;
  const int second = apart ? first + request.rotary_size / 2 : first + 8;
  const std::int64_t item = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / 32;
  const std::int64_t token = item / items;
  const bool exists = token < request.tokens;
  const int base = static_cast<int>(item % items) * rows_of_item(request.head_size) + lane / lanes;
  const std::int64_t slot = exists && request.cache.data != nullptr ? request.slots[token] : 0;
  const auto position = static_cast<std::uint64_t>(exists ? request.positions[token] : 0);
  uint4 x[kRows], y[kRows];
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int row = base + i * (32 / lanes);
    if (!exists || row >= rows) continue;
    const bf16* from = row_of(request, token, row, slot).from;
    x[i] = *reinterpret_cast<const uint4*>(from + first);
    y[i] = *reinterpret_cast<const uint4*>(from + second);
  }
  // While they come. From shared memory, because lanes read parameters one address at a time.
  __shared__ __align__(16) std::uint64_t turns[128];
  if (threadIdx.x < request.rotary_size / 2) {
    turns[threadIdx.x] = request.frequencies.turns[threadIdx.x];
  }
  __syncthreads();
  if (!exists) return;
  float c[8], s[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t turned = turns[inside ? 8 * pair + i : 0] * position;
    const auto phase = static_cast<std::int32_t>(turned >> 32);  // half a turn is 2^31
    __sincosf(static_cast<float>(phase) * (0x1p-31F * 3.14159265358979F), &s[i], &c[i]);
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int row = base + i * (32 / lanes);
    if (row >= rows) continue;
    const Row at = row_of(request, token, row, slot);
    if (at.to == nullptr || (at.to == at.from && !inside)) continue;
    if (at.turns && inside) turn_pieces<kPairing>(x[i], y[i], c, s);
    *reinterpret_cast<uint4*>(at.to + first) = x[i];
    *reinterpret_cast<uint4*>(at.to + second) = y[i];
  }
}

}  // namespace

void rotate_in_place(const Request& given) {
  if (given.tokens == 0) return;
  Request request = given;
  if (request.q_stride == 0) request.q_stride = request.heads * request.head_size;
  if (request.k_stride == 0) request.k_stride = request.kv_heads * request.head_size;
  if (request.v_stride == 0) request.v_stride = request.kv_heads * request.head_size;
  const Config config = choose_config(request);
  const auto kernel = request.pairing == Pairing::kHalves ? rotate_kernel<Pairing::kHalves>
                                                          : rotate_kernel<Pairing::kInterleaved>;
  kernel<<<static_cast<unsigned>(config.blocks), kThreads, 0, request.stream>>>(
      request, rows_of_token(request), items_of_token(request));
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::kernels::rope_cuda
