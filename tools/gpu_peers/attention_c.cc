// Attention forward for attention.py: dense [B, T, H, D] tensors, or packed [rows, H, D] ones.
#include "kernels/attention_cuda/cuda.h"
#include "tools/gpu_peers/c_call.h"

namespace {

using aisp::kernels::attention_cuda::Strides;

Strides dense(std::int64_t tokens, std::int64_t heads, std::int64_t D) {
  return {tokens * heads * D, heads * D, D};
}

}  // namespace

/// starts are null unless packed; then batch + 1 numbers each, `queries` and `keys` the longest
/// sequence's and total_... the rows. Returns 0, or 1 with aisp_last_error().
extern "C" int aisp_attention(const void* q, const void* k, const void* v, void* o, float* lse,
                              const std::int32_t* query_starts, const std::int32_t* key_starts,
                              std::int64_t batch, std::int64_t queries, std::int64_t keys,
                              std::int64_t total_queries, std::int64_t total_keys,
                              std::int64_t heads, std::int64_t kv_heads, std::int64_t D,
                              std::int64_t causal, std::int64_t f16, void* stream) {
  return aisp::gpu_peers::c_call([&] {
    aisp::kernels::attention_cuda::forward(
        {.shape = {.batch = batch,
                   .queries = queries,
                   .keys = keys,
                   .heads = heads,
                   .kv_heads = kv_heads,
                   .D = D,
                   .causal = causal != 0,
                   .type = f16 != 0 ? aisp::DType::kF16 : aisp::DType::kBF16},
         .q = q,
         .k = k,
         .v = v,
         .o = o,
         .q_strides = dense(queries, heads, D),
         .k_strides = dense(keys, kv_heads, D),
         .v_strides = dense(keys, kv_heads, D),
         .o_strides = dense(queries, heads, D),
         .lse = lse,
         .query_starts = query_starts,
         .key_starts = key_starts,
         .total_queries = total_queries,
         .total_keys = total_keys,
         .stream = aisp::gpu_peers::stream_of(stream)});
  });
}
