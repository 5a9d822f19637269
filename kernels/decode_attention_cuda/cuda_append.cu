// New K and V rows into the paged cache: each warp takes rows of one token and head, 16 bytes a
// lane. Bound by memory; the writes of a decode step are head rows of 128 or 256 bytes apart.
#include <algorithm>

#include "base/check.h"
#include "kernels/decode_attention_cuda/cuda.h"
#include "machine/cuda_raii.h"

namespace aisp::kernels::decode_attention_cuda {

void append_e4m3(const AppendRequest& request, int blocks);

namespace {

constexpr int kAppendThreads = 256;

__global__ void append_kernel(const AppendRequest request) {
  const int pieces = request.cache.head_size / 8;  // of a row, 16 bytes each
  const int per_token = request.cache.kv_heads * pieces;
  const std::int64_t all = request.tokens * per_token;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kAppendThreads;
  for (std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kAppendThreads + threadIdx.x;
       at < all; at += step) {
    const std::int64_t token = at / per_token;
    const int within = static_cast<int>(at % per_token);
    const std::int64_t slot = request.slots[token];
    if (slot < 0) continue;
    const int head = within / pieces, piece = within % pieces;
    const std::int64_t to =
        cache_offset(request.cache, slot / request.cache.block_tokens, head, CachePart::kK,
                     static_cast<int>(slot % request.cache.block_tokens)) /
            8 +
        piece;
    const std::int64_t v_ahead = request.cache.block_tokens * pieces;
    auto* cache = reinterpret_cast<uint4*>(request.cache.data);
    const uint4 k = reinterpret_cast<const uint4*>(request.k + token * request.k_stride)[within];
    const uint4 v = reinterpret_cast<const uint4*>(request.v + token * request.v_stride)[within];
    cache[to] = k;
    cache[to + v_ahead] = v;
  }
}

}  // namespace

void append(const AppendRequest& given) {
  if (given.tokens == 0) return;
  AppendRequest request = given;
  const int width = request.cache.kv_heads * request.cache.head_size;
  if (request.k_stride == 0) request.k_stride = width;
  if (request.v_stride == 0) request.v_stride = width;
  check(request.k_stride % 8 == 0 && request.v_stride % 8 == 0, "append: rows of 16-byte pieces");
  const std::int64_t blocks = (request.tokens * (width / 8) + kAppendThreads - 1) / kAppendThreads;
  // Eight blocks of 256 threads fill a multiprocessor.
  const std::int64_t resident = 8LL * machine::cuda_device().multiprocessors;
  const auto grid = static_cast<int>(std::min(blocks, resident));
  if (request.cache.type == CacheType::kE4m3) return append_e4m3(request, grid);
  append_kernel<<<grid, kAppendThreads, 0, request.stream>>>(request);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::kernels::decode_attention_cuda
