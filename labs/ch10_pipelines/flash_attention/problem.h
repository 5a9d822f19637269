// Attention forward, f32: o[h][i] = sum_j softmax_j(q[h][i] . k[g][j] / sqrt(D)) v[g][j] over the
// keys that query i sees, where g = h / (heads / kv_heads). Inputs q[heads][queries][D],
// k[kv_heads][keys][D], v likewise; output o[heads][queries][D]. causal: query i sees keys
// j <= i + keys - queries, else all. The tiled techniques are adapters to kernels/attention.
#pragma once

#include <cstdint>
#include <string_view>

#include "bench/lab.h"
#include "kernels/attention/attention.h"

namespace aisp::labs::ch10::flash_attention {

using kernels::attention::Shape;
Shape shape_of(const bench::Params& params);

/// The kernel's variant called `variant` ("": the widest) as a technique; threads as in Technique.
bench::Technique kernel_variant(const char* name, const char* summary, std::string_view variant,
                                int threads);

/// Attention composed from oneDNN calls (see onednn.cc); threads as in Technique.
bench::Technique peer(const char* name, const char* summary, int threads);

bench::Technique materialized();
bench::Technique tiled_online();
bench::Technique tiled_avx2();
bench::Technique tiled_avx512();
bench::Technique tiled_simd_threads();
bench::Technique onednn();
bench::Technique onednn_threads();

/// On the GPU, f32.
std::unique_ptr<bench::Plan> plan_three_kernels(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_tiled_blocking(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_tiled_copy_engine(const bench::Params& params);

}  // namespace aisp::labs::ch10::flash_attention
