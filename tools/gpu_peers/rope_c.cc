// Rotary embedding, for rope.py.
#include "kernels/rope_cuda/cuda.h"
#include "tools/gpu_peers/c_call.h"

/// In place on tight q and k; with a cache (not null), K and V go there instead.
extern "C" int aisp_rope(void* q, void* k, const void* v, const std::int32_t* positions,
                         void* cache, const std::int64_t* slots, std::int64_t tokens,
                         std::int64_t heads, std::int64_t kv_heads, std::int64_t head_size,
                         std::int64_t interleaved, std::int64_t block_tokens, float base,
                         void* stream) {
  namespace rope = aisp::kernels::rope_cuda;
  return aisp::gpu_peers::c_call([&] {
    rope::Request request;
    request.q = static_cast<aisp::bf16*>(q);
    request.k = static_cast<aisp::bf16*>(k);
    request.v = static_cast<const aisp::bf16*>(v);
    request.positions = positions;
    request.tokens = tokens;
    request.heads = static_cast<int>(heads);
    request.kv_heads = static_cast<int>(kv_heads);
    request.head_size = request.rotary_size = static_cast<int>(head_size);
    request.pairing = interleaved != 0 ? rope::Pairing::kInterleaved : rope::Pairing::kHalves;
    request.frequencies = rope::frequencies(request.rotary_size, static_cast<double>(base));
    request.cache = {cache, 0, request.kv_heads, static_cast<int>(block_tokens), request.head_size};
    request.slots = slots;
    request.stream = aisp::gpu_peers::stream_of(stream);
    rope::rotate(request);
  });
}
