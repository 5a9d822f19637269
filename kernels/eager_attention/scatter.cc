// See scatter.h.
#include "kernels/eager_attention/scatter.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/rng.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::eager_attention {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::span<const std::int32_t> table_of(const Scattered& shape, std::span<const std::int32_t> tables,
                                       std::int64_t sequence) {
  return tables.subspan(at(sequence * shape.table()), at(shape.table()));
}

}  // namespace

paged_attention::Cache cache_over(paged_attention::Type type, std::int64_t kv_heads,
                                  std::int64_t head_size, const void* data) {
  return {.type = type,
          .kv_heads = kv_heads,
          .head_size = head_size,
          .data = const_cast<std::byte*>(static_cast<const std::byte*>(data))};
}

void deal_blocks(const Scattered& shape, std::uint64_t seed, std::span<std::int32_t> tables) {
  check(std::ssize(tables) == shape.blocks(), "scatter: a table for each sequence");
  std::iota(tables.begin(), tables.end(), 0);
  Rng rng(seed);
  for (std::size_t i = tables.size(); i-- > 1;) std::swap(tables[i], tables[rng.below(i + 1)]);
}

void whole_sequences(const Scattered& shape, std::span<const std::int32_t> tables,
                     std::span<const std::int32_t> contexts,
                     std::vector<paged_attention::Sequence>& to) {
  to.resize(at(shape.sequences));
  for (std::int64_t s = 0; s < shape.sequences; ++s) {
    to[at(s)] = {.first_row = s * shape.longest,
                 .rows = contexts[at(s)],
                 .blocks = table_of(shape, tables, s)};
  }
}

void fill_blocks(const paged_attention::Cache& cache, std::int64_t blocks,
                 std::span<const paged_attention::Sequence> rows, const float* k, const float* v) {
  const std::int64_t bytes =
      paged_attention::block_bytes(cache.type, cache.kv_heads, cache.head_size);
  std::memset(cache.data, 0, at(blocks * bytes));
  machine::ThreadPool pool(1);
  paged_attention::append(cache, rows, k, v, 0, pool);
}

void decoding_rows(const Scattered& shape, std::span<const std::int32_t> tables,
                   std::span<const std::int32_t> contexts,
                   std::vector<paged_attention::Sequence>& to) {
  to.resize(at(shape.sequences));
  for (std::int64_t s = 0; s < shape.sequences; ++s) {
    to[at(s)] = {.first_row = s,
                 .rows = 1,
                 .context = contexts[at(s)] - 1,
                 .blocks = table_of(shape, tables, s)};
  }
}

}  // namespace aisp::kernels::eager_attention
