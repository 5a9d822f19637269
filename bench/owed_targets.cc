// The table, and the sentence for one target. See owed_targets.h.
#include "bench/owed_targets.h"

#include <array>

namespace aisp::bench {
namespace {

// NVFP4 is a type of the tensor cores of compute capability 10: four bits a number and a scale of
// e4m3 for sixteen of them. What a Hopper card could run in its place is software that unpacks, a
// comparison of something else.
constexpr std::string_view kFp4 =
    "needs the FP4 tensor cores of Blackwell (sm_100); no code for them here";

constexpr std::array<OwedTarget, 12> kOwed = {{
    {"ch01:nvfp4_mlp", kFp4, "ch13:quantization"},
    {"ch02:grace_coherent_memory", "needs a Grace CPU with memory coherent to its GPU",
     "ch02:memory_transfer"},
    {"ch08:nvfp4_mlp", kFp4, "ch09:compute_bound"},
    {"ch08:tcgen05_custom_vs_cublas",
     "needs tcgen05 instructions and tensor memory (sm_100); no code for them here",
     "ch10:warp_specialized"},
    {"ch09:cublas_gemm_fp4_perchannel", kFp4, "ch09:tensor_core_gemm"},
    {"ch09:cublaslt_gemm_fp4", kFp4, "ch09:tensor_core_gemm"},
    {"ch09:cute_dsl_nvfp4_gemm", kFp4, "ch09:tensor_core_gemm"},
    {"ch09:cutlass_gemm_fp4", kFp4, "ch09:tensor_core_gemm"},
    {"ch09:cutlass_gemm_fp4_all_concepts", kFp4, "ch09:tensor_core_gemm"},
    {"ch09:cutlass_gemm_fp4_perchannel", kFp4, "ch09:tensor_core_gemm"},
    {"ch10:tcgen05_warp_specialization_cutlass",
     "compares one with two multiprocessors for a tcgen05 instruction (sm_100), which nothing on "
     "older cards resembles",
     "ch10:warp_specialized"},
    {"ch12:nvfp4_mlp", kFp4, "ch09:compute_bound"},
}};

}  // namespace

std::span<const OwedTarget> owed_targets() { return kOwed; }

std::string why_owed(std::string_view target) {
  for (const OwedTarget& owed : kOwed) {
    if (owed.name != target) continue;
    std::string text = std::string(owed.name) + ": " + std::string(owed.why);
    if (!owed.nearest.empty()) text += "; nearest: " + std::string(owed.nearest);
    return text;
  }
  return "";
}

}  // namespace aisp::bench
