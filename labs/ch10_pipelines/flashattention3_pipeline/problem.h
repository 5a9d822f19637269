// Attention forward in bf16 on the tensor cores: o[h][i] = sum_j softmax_j(q[h][i] . k[g][j] /
// sqrt(D)) v[g][j] over the keys that query i sees, g = h / (heads / kv_heads). Inputs
// q[heads][queries][D], k and v[kv_heads][keys][D], output o[heads][queries][D]. causal: query i
// sees the keys j <= i + keys - queries, else all. The lab flash_attention is the same in f32.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "bench/lab.h"

namespace aisp::labs::ch10::flashattention3_pipeline {

struct Shape {
  std::int64_t heads, kv_heads, queries, keys, D;
  bool causal;

  explicit Shape(const bench::Params& p)
      : heads(p["heads"]),
        kv_heads(p["kv_heads"]),
        queries(p["queries"]),
        keys(p["keys"]),
        D(p["D"]),
        causal(p["causal"] != 0) {}
};

/// The variant of kernels/attention_cuda called so, as a technique.
bench::Technique kernel_variant(const char* name, const char* summary, std::string_view variant);

std::unique_ptr<bench::Plan> plan_op_by_op(const bench::Params& params);
bench::Technique tiles_in_registers();
bench::Technique wgmma_roles();

/// reference() on the GPU, in double.
void reference_on_device(const bench::Params& p, const bench::Io& io,
                         std::span<const bench::ExpectedOnDevice> outputs);

}  // namespace aisp::labs::ch10::flashattention3_pipeline
