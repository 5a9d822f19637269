// Attention of grouped query heads, f32: o = softmax(scale q k^T) v, tile by tile with an online
// softmax, so that the matrix of scores never exists. Prefill takes tiles of queries; a single
// query (decode) takes the query heads of a group together over their keys. Reading order: this
// contract, attention.cc (tasks, threads), simd.inc (the tile), decode.inc (one query), variants.cc
// (the table). Source: T. Dao et al., "FlashAttention" (2022); T. Dao, "FlashAttention-2" (2023);
// J. Ainslie et al., "GQA" (2023).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "machine/cpu.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::attention {

/// q and o are [heads][queries][D], k and v [kv_heads][capacity][D] of which the first `keys` rows
/// count. Query head h uses KV head h / (heads / kv_heads).
struct Shape {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 1;  // divides heads
  std::int64_t queries = 0;
  std::int64_t keys = 0;
  std::int64_t D = 0;
  bool causal = true;         // query i sees keys j <= i + keys - queries: the last sees all
  std::int64_t capacity = 0;  // rows kept for each KV head (a cache); 0: keys
};

struct Options {
  int threads = 1;           // 0: one for each usable core
  float scale = 0.0f;        // positive; 0: 1 / sqrt(D)
  std::string_view variant;  // "avx512", "avx2", "portable"; "" chooses the widest that can run
  /// Threads to use instead of own ones; not owned, must outlive the plan, never used by two plans
  /// at once. The plan then uses at most pool->size() threads.
  machine::ThreadPool* pool = nullptr;
};

/// One operation made ready: scratch and threads allocated, nothing read yet. Calls do not
/// allocate. Not thread-safe: one call at a time. Any alignment of the arrays; o overlaps nothing.
/// Accuracy: scores are dot products in f32 of length D; see reference(). A NaN or infinity in q
/// spoils its query, one in k the queries that see it (NaN, but a score of -inf is a probability of
/// 0); one in v may also reach queries of the same tile before it, as it does wherever v is
/// multiplied with probabilities of 0. The result does not depend on the number of threads.
/// Cost: 4 D flops and an exponential for each pair of a query and a key that it sees.
class AttentionPlan {
 public:
  /// Throws Error for a variant that does not exist or cannot run here, or when memory is refused.
  explicit AttentionPlan(const Shape& shape, const Options& options = {});
  ~AttentionPlan();
  AttentionPlan(AttentionPlan&&) noexcept;
  AttentionPlan& operator=(AttentionPlan&&) noexcept;

  /// `keys`, when not 0, replaces the shape's: at most its capacity, for a cache that grows.
  void run(const float* q, const float* k, const float* v, float* o, std::int64_t keys = 0);

  std::string_view variant() const;
  int threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The formula in double, for tests: `value` and `scale` are [heads][queries][D]. An element is
/// right within u * scale, u = 2^-24 (derived in reference.cc).
struct Arrays {
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
};
void reference(const Shape& shape, const Arrays& arrays, float scale, std::span<double> value,
               std::span<double> bound);

}  // namespace aisp::kernels::attention
