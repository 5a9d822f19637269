// Attention over a KV cache in blocks, for a batch of sequences at any stage: one query row each
// (decoding), many (a prompt, or a piece of one), or both in one call. Causal, grouped queries,
// optional sliding window and soft cap. Beside it append(), which writes K and V into blocks.
// The context is walked in chunks of kChunkTokens from position 0; a row's scores, weights and sums
// of a chunk are computed in one order, and chunks are merged in order. So a row's bits depend on
// its position and on the cache alone: not on the pieces the prompt came in, the rows or sequences
// beside it, the blocks it landed in, or the threads.
// Reading order: this contract, layout.h, simd.inc, paged_attention.cc. Source: Kwon et al.,
// "PagedAttention", SOSP 2023; Milakov and Gimelshein, "Online normalizer calculation for softmax",
// arXiv:1805.02867 (2018); Dao et al., "Flash-Decoding" (2023), for work shared along the context;
// SageAttention, arXiv:2410.02367, for weights of the softmax in 8 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "machine/thread_pool.h"

namespace aisp::kernels::paged_attention {

/// Tokens of a block. 32: K lies transposed, so that a load of 64 bytes is 32 tokens of one
/// dimension in 16 bits, two vectors of scores; and 32 weights of the softmax share one rounding
/// with an 8-bit cache. A sequence wastes 16 tokens on average, 0.5 MB of a 1B model in bf16.
inline constexpr std::int64_t kBlockTokens = 32;
/// Tokens of a chunk: the f32 scores of 12 rows are 12 KiB, which level 1 holds.
inline constexpr std::int64_t kChunkTokens = 256;

/// What the cache holds. kI8: each head of each token's K and V has a scale of its own, the largest
/// magnitude / 127; queries and weights are rounded to 8 bits as well.
enum class Type { kF32, kF16, kBF16, kI8 };

/// Bytes of a block of one layer; a multiple of 64. head_size is a multiple of 16.
std::int64_t block_bytes(Type type, std::int64_t kv_heads, std::int64_t head_size);

/// Multiples of 16 up to this.
inline constexpr std::int64_t kLargestHead = 1024;
constexpr bool supports_head_size(std::int64_t size) {
  return size > 0 && size % 16 == 0 && size <= kLargestHead;
}

/// The blocks of one layer: block b at data + b * stride, aligned to 64. A view.
struct Cache {
  Type type = Type::kBF16;
  std::int64_t kv_heads = 0;
  std::int64_t head_size = 0;
  std::byte* data = nullptr;
  std::int64_t stride = 0;  // bytes; 0: block_bytes(), one layer alone
};

/// Neighbouring rows of one sequence: its tokens context .. context + rows - 1, whose blocks are
/// blocks[position / kBlockTokens].
struct Sequence {
  std::int64_t first_row = 0;
  std::int64_t rows = 0;
  std::int64_t context = 0;
  std::span<const std::int32_t> blocks;
};

/// Writes the rows' K and V (kv_heads x head_size f32 each, `stride` from row to row, 0: tight) at
/// their positions. Blocks that two sequences share must not be written by both. Rounds to nearest.
void append(const Cache& cache, std::span<const Sequence> sequences, const float* k, const float* v,
            std::int64_t stride, machine::ThreadPool& pool);

struct Options {
  std::int64_t heads = 0;   // of queries, a multiple of the cache's
  float scale = 0.0f;       // of scores; 0: 1 / sqrt(head_size)
  float soft_cap = 0.0f;    // c > 0: score = c tanh(score / c)
  std::int64_t window = 0;  // w > 0: a token sees itself and the w - 1 before it
};

/// Rows of heads x head_size f32, `stride` from row to row, 0: tight.
struct Rows {
  const float* q = nullptr;
  std::int64_t q_stride = 0;
  float* out = nullptr;
  std::int64_t out_stride = 0;
};

/// Memory for scores and partial results; grows with the largest call and then stays. Variants:
/// "avx512_vnni", "avx2", "portable"; "" the widest that can run. Throws Error for one that cannot.
class Workspace {
 public:
  explicit Workspace(machine::ThreadPool& pool, std::string_view variant = "");
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;
  std::string_view variant() const;

 private:
  friend void attend(Workspace&, const Cache&, const Options&, std::span<const Sequence>,
                     const Rows&);
  struct State;
  std::unique_ptr<State> state_;
};

/// out[row][h] = sum_t softmax_t(score) v[t], score = scale q[row][h] . k[t], over the tokens t
/// that the row sees, itself included: K and V of the rows must have been appended. Does not
/// allocate once the workspace has grown. Values must be finite; whatever blocks hold beyond a
/// sequence's tokens is not looked at. Error, u = 2^-24, w the weights of the softmax, S_t =
/// |scale| sum |q k|, n the tokens seen: u (2 (6 sqrt(head_size + 2) + 3) max_t S_t + 12 sqrt(n +
/// 2) + 40) sum w |v| against the stored K and V; a soft cap does not enlarge it. For kI8 the
/// rounding of q and of the weights comes in addition: score by scale |q|max / 254 sum |k|, and
/// weights, times the scale of V, by a 510th of the largest in their block. Cost: 4 head_size
/// operations a query head and token; K and V of a sequence read once from memory for up to 12 rows
/// x heads of a group.
void attend(Workspace& workspace, const Cache& cache, const Options& options,
            std::span<const Sequence> sequences, const Rows& rows);

}  // namespace aisp::kernels::paged_attention
