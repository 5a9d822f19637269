// Decode attention over a paged cache, for decode.py.
#include "kernels/decode_attention_cuda/cuda.h"
#include "tools/gpu_peers/c_call.h"

namespace decode = aisp::kernels::decode_attention_cuda;

namespace {

decode::Request request_of(std::int64_t batch, std::int64_t q_tokens, std::int64_t heads,
                           const decode::PagedCache& cache) {
  decode::Request request;
  request.cache = cache;
  request.batch = static_cast<int>(batch);
  request.q_tokens = static_cast<int>(q_tokens);
  request.heads = static_cast<int>(heads);
  return request;
}

decode::PagedCache cache_of(void* data, std::int64_t blocks, std::int64_t kv_heads,
                            std::int64_t block_tokens, std::int64_t head_size, std::int64_t e4m3) {
  return {data,
          blocks,
          static_cast<int>(kv_heads),
          static_cast<int>(block_tokens),
          static_cast<int>(head_size),
          e4m3 != 0 ? decode::CacheType::kE4m3 : decode::CacheType::kBf16};
}

}  // namespace

extern "C" {

/// Into *bytes. The workspace must be zeroed once.
int aisp_decode_workspace(std::int64_t* bytes, std::int64_t batch, std::int64_t q_tokens,
                          std::int64_t heads, std::int64_t kv_heads, std::int64_t block_tokens,
                          std::int64_t head_size, std::int64_t e4m3) {
  return aisp::gpu_peers::c_call([&] {
    const decode::Request request = request_of(
        batch, q_tokens, heads, cache_of(nullptr, 0, kv_heads, block_tokens, head_size, e4m3));
    *bytes = static_cast<std::int64_t>(decode::workspace_bytes(
        request, decode::choose_config(request, aisp::machine::cuda_device())));
  });
}

int aisp_decode_attention(const void* q, void* out, void* cache, const std::int32_t* table,
                          const std::int32_t* lengths, void* workspace, std::int64_t batch,
                          std::int64_t q_tokens, std::int64_t heads, std::int64_t kv_heads,
                          std::int64_t block_tokens, std::int64_t head_size,
                          std::int64_t max_blocks, std::int64_t e4m3, void* stream) {
  return aisp::gpu_peers::c_call([&] {
    decode::Request request = request_of(
        batch, q_tokens, heads, cache_of(cache, 0, kv_heads, block_tokens, head_size, e4m3));
    request.q = static_cast<const aisp::bf16*>(q);
    request.out = static_cast<aisp::bf16*>(out);
    request.block_table = table;
    request.lengths = lengths;
    request.max_blocks = static_cast<int>(max_blocks);
    request.workspace = workspace;
    request.stream = aisp::gpu_peers::stream_of(stream);
    decode::attend(request);
  });
}

int aisp_decode_append(void* cache, const void* k, const void* v, const std::int64_t* slots,
                       std::int64_t tokens, std::int64_t kv_heads, std::int64_t block_tokens,
                       std::int64_t head_size, std::int64_t e4m3, void* stream) {
  return aisp::gpu_peers::c_call([&] {
    decode::append({cache_of(cache, 0, kv_heads, block_tokens, head_size, e4m3),
                    static_cast<const aisp::bf16*>(k), static_cast<const aisp::bf16*>(v), 0, 0,
                    slots, tokens, aisp::gpu_peers::stream_of(stream)});
  });
}

}  // extern "C"
