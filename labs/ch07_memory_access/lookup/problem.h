// Lookup of sparse feature ids in a chained hash table, as in front of an embedding table: id ->
// bucket -> chain of nodes -> row. Each step needs the last one's result, and each is a line from
// memory. Inputs: the table (nodes, heads) and the ids of a batch. Output: the row of each id.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "bench/lab.h"

namespace aisp::labs::ch07::lookup {

/// 16 bytes, four to a line: a node is never split.
struct alignas(16) Node {
  std::int64_t id = 0;
  std::int32_t row = 0;
  std::int32_t next = -1;  // index of the next node of the chain, -1 at its end
};

/// One node a bucket on average, at least one half.
inline std::int64_t bucket_count(std::int64_t rows) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(rows)));
}

/// Buffers of one call. Ids without a node get row -1.
struct Batch {
  const Node* nodes = nullptr;
  const std::int32_t* heads = nullptr;  // index of each bucket's first node, -1 for none
  int shift = 0;                        // 64 - log2 of the number of buckets
  const std::int64_t* ids = nullptr;
  std::int32_t* rows = nullptr;
  std::size_t count = 0;

  /// Multiplicative hashing; Source: Knuth, TAOCP 3, section 6.4. The halved product keeps the
  /// shift below 64 for a single bucket.
  constexpr std::size_t bucket_of(std::int64_t id) const {
    return (static_cast<std::uint64_t>(id) * 0x9e3779b97f4a7c15ull >> 1) >> (shift - 1);
  }
};

Batch batch_of(const bench::Io& io);

/// One after the other; the loop of the baseline and the second half of `sorted`.
inline std::int32_t find_row(const Batch& batch, std::int64_t id) {
  std::int32_t at = batch.heads[batch.bucket_of(id)];
  while (at >= 0) {
    const Node& node = batch.nodes[at];
    if (node.id == id) return node.row;
    at = node.next;
  }
  return -1;
}

/// Sixty-four lookups in flight (interleaved.cc).
void find_interleaved(const Batch& batch);

bench::Technique one_at_a_time();
bench::Technique sorted();
bench::Technique group_prefetch();
bench::Technique interleaved();
bench::Technique interleaved_threads();

// On the GPU.
std::unique_ptr<bench::Plan> plan_thread_per_id(const bench::Params&);
std::unique_ptr<bench::Plan> plan_four_ids_a_thread(const bench::Params&);
std::unique_ptr<bench::Plan> plan_sorted_buckets(const bench::Params&);

}  // namespace aisp::labs::ch07::lookup
