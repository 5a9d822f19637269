// Attention of one decode step on the device, over a paged KV cache: every query head reads every
// cached token of its KV head, once from memory. A few query tokens per sequence (speculative
// decoding) share that read. The whole work is cut into equal runs of tokens, one for each resident
// thread block, whatever the lengths are; parts of one sequence are put together in the same launch
// by the block that finishes last, in a fixed order, so that results do not vary between runs.
//
// Floor: K and V once at the card's copy bandwidth. Prediction, written before the first run, one
// H200 at 4.1 TB/s: 32 sequences x 8192 tokens, 8 KV heads of 128: 1.07 GB, 262 us; start, first
// loads and last parts add about 8 us, so 0.95 to 0.97 of copy bandwidth. Reached: 245 to 252 us in
// three runs (4.26 to 4.38 TB/s), the same as with an identity table; cuDNN on a contiguous cache
// 235 to 241, flash attention 390. Further from it: 1 x 131072 at 3.4 TB/s (cuDNN 3.7), 16
// x 1024 at 2.8 (3.4); 8 query tokens of 8 heads a group at 3.2 (its products, not memory). An e4m3
// cache halves the time: 32 x 16384 in 256 us against 490.
//
// Source: Dao et al., "Flash-Decoding" (2023); Osama et al., "Stream-K", PPoPP 2023 (the split);
// Ye et al., "FlashInfer", arXiv:2501.01005.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kernels/decode_attention_cuda/paged_cache.h"
#include "machine/device.h"

namespace aisp::kernels::decode_attention_cuda {

/// Tokens that a warp takes at a time: the n of two matrix instructions, and a divisor of every
/// block size.
constexpr int kTileTokens = 16;
/// Query rows of a matrix instruction; q_tokens * heads / kv_heads rows take 1, 2 or 4 of them.
constexpr int kTileRows = 16;
constexpr int kMaxRows = 4 * kTileRows;
/// The prefix sums of the lengths stay in 4 KiB of shared memory.
constexpr int kMaxBatch = 1024;

/// All pointers are device memory, aligned to 16 bytes.
struct Request {
  const bf16* q = nullptr;  // [batch][q_tokens][heads][head_size]
  bf16* out = nullptr;      // the same shape; must not overlap q
  PagedCache cache;
  const std::int32_t* block_table =
      nullptr;  // [batch][max_blocks]; entries past a length: anything
  int max_blocks = 0;
  /// [batch], tokens in the cache, those of this step included. Query token i of q_tokens sees the
  /// first length - (q_tokens - 1 - i) of them; a query that sees none gives zeros.
  const std::int32_t* lengths = nullptr;
  int batch = 0;       // 1 .. kMaxBatch
  int q_tokens = 1;    // q_tokens * heads / kv_heads <= kMaxRows
  int heads = 0;       // a multiple of cache.kv_heads
  float scale = 0.0F;  // of the scores; 0: 1 / sqrt(head_size)
  /// workspace_bytes() bytes, zeroed once before its first use; calls on one stream share it.
  void* workspace = nullptr;
  machine::CudaStream stream = nullptr;
};

struct Config {
  int row_tiles = 1;  // warps of a team: each holds 16 query rows and sees the same tokens
  int stages = 3;     // tiles of K and V that a team has in shared memory
  int blocks = 0;     // thread blocks: what the device holds at once
  int blocks_per_multiprocessor = 0;
};

/// Pure. `why_not` in words when the device or the shape cannot do it.
Config choose_config(const Request& request, const machine::CudaDevice& device);
std::string why_not(const Request& request, const machine::CudaDevice& device);
std::size_t workspace_bytes(const Request& request, const Config& config);

/// out[b][i][h] = sum_j softmax_j(scale q[b][i][h] . k[j][h / group]) v[j][h / group].
/// Reads lengths on the device: nothing waits for the host, so a CUDA graph can hold the call.
/// Scores and sums in f32, probabilities rounded to bf16 for the second product, the output to
/// bf16. 4 q_tokens heads head_size sum(lengths) flops. Throws Error when CUDA does.
void attend(const Request& request);

/// New rows into the cache. Row t of k and v goes to token slots[t] % block_tokens of block
/// slots[t] / block_tokens; a negative slot: nowhere. An e4m3 cache gets the nearest of x / scale,
/// at most 448. Each row read and written once. Two tokens with one slot: our caller's bug, either
/// may win.
struct AppendRequest {
  PagedCache cache;
  const bf16* k = nullptr;  // [tokens][kv_heads][head_size], rows k_stride elements apart
  const bf16* v = nullptr;
  std::int64_t k_stride = 0, v_stride = 0;  // 0: tight
  const std::int64_t* slots = nullptr;      // [tokens]
  std::int64_t tokens = 0;
  machine::CudaStream stream = nullptr;
};
void append(const AppendRequest& request);

struct Variant {
  std::string name;
  std::string (*why_not)(const Request&, const machine::CudaDevice&);
  void (*attend)(const Request&);  // null in a build without CUDA
};
const std::vector<Variant>& variants();

}  // namespace aisp::kernels::decode_attention_cuda
