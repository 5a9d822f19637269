// Attention of grouped query heads on the GPU, forward: o = softmax(scale q k^T) v and, on request,
// the logarithm of each row's sum of exponentials (what a backward pass or a merge of parts needs).
// Prefill and training: many queries; one query against a cache is another kernel's work. Reading
// order: this contract, cuda_config.cc (the choice), schedule.h (who computes which tile),
// flash_sm90.cu and flash_tile.cuh (Hopper), cuda.cu (any card from sm_80), cuda_variants.cc.
//
// Source: T. Dao et al., "FlashAttention" (2022); T. Dao, "FlashAttention-2" (2023); J. Shah et
// al., "FlashAttention-3" (2024); J. Ainslie et al., "GQA" (2023).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/dtype.h"
#include "machine/device.h"

namespace aisp::kernels::attention_cuda {

/// Query head h uses KV head h / (heads / kv_heads). Query i sees the keys j <= i + keys - queries
/// where it is causal (the last query sees all); all keys otherwise.
struct Shape {
  std::int64_t batch = 1;
  std::int64_t queries = 0;  // of each sequence; packed: of the longest
  std::int64_t keys = 0;     // the same
  std::int64_t heads = 1;    // a multiple of kv_heads
  std::int64_t kv_heads = 1;
  std::int64_t D = 0;  // 64 or 128
  bool causal = true;
  DType type = DType::kBF16;  // of q, k, v and o: kBF16 or kF16
};

/// Elements between neighbours; those of a head are next to each other. [B, T, H, D], dense, is
/// {T H D, H D, D}; [B, H, T, D] is {H T D, D, T D}. Packed: `batch` is ignored.
struct Strides {
  std::int64_t batch = 0, token = 0, head = 0;
};

/// Everything is device memory, 16-byte aligned, strides multiples of 8 (the variant flash_sm90) or
/// aligned to an element (mma). o overlaps no input.
struct Request {
  Shape shape;
  const void* q = nullptr;
  const void* k = nullptr;
  const void* v = nullptr;
  void* o = nullptr;
  Strides q_strides, k_strides, v_strides, o_strides;
  float* lse = nullptr;  // [batch][heads][queries]; packed: [heads][total_queries]; null: not asked
  /// Packed sequences: sequence b has the rows [starts[b], starts[b + 1]) of the tensors, batch + 1
  /// ascending numbers in device memory. Both or neither.
  const std::int32_t* query_starts = nullptr;
  const std::int32_t* key_starts = nullptr;
  std::int64_t total_queries = 0, total_keys = 0;  // packed: rows of the tensors
  float scale = 0.0F;                              // positive; 0: 1 / sqrt(D)
  machine::CudaStream stream = nullptr;
};

/// Tiles of the Hopper kernel and its grid. Pure: see cuda_config.cc for the reasons.
struct Config {
  int tile_queries = 0;
  int tile_keys = 0;
  int blocks = 0;         // persistent: at most one for each multiprocessor
  int section_heads = 0;  // (sequence, head) pairs whose K and V share the second-level cache
};
Config choose_config(const Shape& shape, const machine::CudaDevice& device);

struct Variant {
  const char* name;
  /// "" or why this device cannot run it.
  std::string (*why_not)(const machine::CudaDevice&);
  /// "" or why it does not take this request, which another variant does.
  std::string (*refuses)(const Request&);
  void (*run)(const Request&);  // null in a build without CUDA
};
std::span<const Variant> variants();

/// The first variant that can run here and takes the request. Enqueues on request.stream and
/// returns. A query that sees no key gets o = 0 and lse = -inf. Sums in f32; probabilities are
/// rounded to the type of v before they meet it, the rows' sums are not, so that
///   |o - exact| <= u |o| + (u + e) sum_j p_j |v_j|,  u = 2^-8 (bf16) or 2^-11 (f16),
/// where e is what f32 sums of D products and of `keys` probabilities lose (cuda_test.cc derives
/// it; f16 also loses probabilities below 2^-25). A NaN or infinity in q spoils its query,
/// one in k the queries that see it; one in v all queries of a tile that reaches its tile of keys,
/// the next packed sequence's included, as wherever v is multiplied by probabilities of 0. Scores
/// that overflow to +inf give NaN; scores of -inf have probability 0.
/// 4 D flops and an exponential for each pair of query and key seen. Floor: those flops at the
/// matrix rate. Throws Error when the launch fails, or when no variant can run.
void forward(const Request& request);

}  // namespace aisp::kernels::attention_cuda
