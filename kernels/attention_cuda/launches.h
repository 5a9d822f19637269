// Between the table of variants (cuda_variants.cc) and their launches (the .cu files).
#pragma once

#include <string>

#include "kernels/attention_cuda/cuda.h"

namespace aisp::kernels::attention_cuda {

/// What a launch's kernel reads of a request.
struct Work {
  const std::int32_t* query_starts = nullptr;  // null: every sequence has `queries` and `keys`
  const std::int32_t* key_starts = nullptr;
  int batch = 0, queries = 0, keys = 0, heads = 0;
  int group = 1;          // query heads of a KV head
  int section_heads = 1;  // see Config
  int causal = 0;
  float scale_log2 = 0.0F;  // scale * log2(e): exponentials are powers of two
  std::uint16_t* o = nullptr;
  std::int64_t o_batch = 0, o_token = 0, o_head = 0;  // elements; packed: o_batch is 0
  float* lse = nullptr;
  std::int64_t lse_batch = 0, lse_head = 0;
};
Work work_of(const Request& request, int section_heads = 1);

/// "" or what is not aligned to 16 bytes.
std::string why_unaligned(const Request& request);

void run_flash_sm90(const Request& request);
void run_mma(const Request& request);

}  // namespace aisp::kernels::attention_cuda
