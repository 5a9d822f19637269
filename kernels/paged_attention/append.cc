// Writing K and V into blocks: a few thousand numbers a token, portable loops. A row of K goes to
// one lane of each line of its block.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/dtype.h"
#include "kernels/paged_attention/layout.h"

namespace aisp::kernels::paged_attention {
namespace {

// A row takes about a microsecond, three where its lines come from memory: a fork and join pays
// from two on.
constexpr std::int64_t kRowsWorthSharing = 2;

template <class T>
void write_head(std::int64_t token, std::int64_t head_size, const float* k, const float* v,
                std::byte* to_k, std::byte* to_v) {
  const auto size = static_cast<std::int64_t>(sizeof(T));
  to_v += token * head_size * size;
  if (size == 4) std::memcpy(to_v, v, static_cast<std::size_t>(head_size) * 4);
  for (std::int64_t d = 0; d < head_size; ++d) {
    const T key(k[d]);
    std::memcpy(to_k + (d * kBlockTokens + token) * size, &key, sizeof(T));
    if (size == 4) continue;
    const T value(v[d]);
    std::memcpy(to_v + d * size, &value, sizeof(T));
  }
}

/// The largest magnitude / 127, and its inverse; 0 and 0 for a row so small that 127 / it
/// overflows.
float scale_of(const float* x, std::int64_t count, float& inverse) {
  float most = 0.0f;
  for (std::int64_t d = 0; d < count; ++d) most = std::max(most, std::fabs(x[d]));
  inverse = most < 127.0f * 0x1p-126f ? 0.0f : 127.0f / most;
  return inverse == 0.0f ? 0.0f : most / 127.0f;
}

void write_head_i8(std::int64_t token, std::int64_t head_size, const float* k, const float* v,
                   std::byte* block, const Places& at) {
  float inverse_k, inverse_v;
  const float scale_k = scale_of(k, head_size, inverse_k);
  const float scale_v = scale_of(v, head_size, inverse_v);
  for (std::int64_t d = 0; d < head_size; ++d) {
    const auto key = static_cast<std::int32_t>(std::nearbyint(k[d] * inverse_k)) + 128;
    const auto value = static_cast<std::int32_t>(std::nearbyint(v[d] * inverse_v));
    block[at.k + (d / 4 * kBlockTokens + token) * 4 + d % 4] = static_cast<std::byte>(key);
    block[at.v + (token / 4 * head_size + d) * 4 + token % 4] = static_cast<std::byte>(value);
  }
  std::memcpy(block + at.scales_k + 4 * token, &scale_k, 4);
  std::memcpy(block + at.scales_v + 4 * token, &scale_v, 4);
}

/// Asks for the lines of K that a row writes into, all at once: each store waits for its line, and
/// the stores behind it wait too. Sixteen rows of 8 heads of 64 took 0.5 ms without, mostly
/// waiting.
void fetch_head(Type type, std::int64_t token, std::int64_t head_size, const std::byte* k) {
  const std::int64_t together = type == Type::kI8 ? 4 : 1;  // dimensions beside each other
  const std::int64_t step = kBlockTokens * together * element_bytes(type);
  k += token * together * element_bytes(type);
  for (std::int64_t d = 0; d < head_size; d += together, k += step) __builtin_prefetch(k, 1);
}

}  // namespace

std::int64_t block_bytes(Type type, std::int64_t kv_heads, std::int64_t head_size) {
  const std::int64_t scales = type == Type::kI8 ? kBlockTokens * 4 : 0;
  return 2 * kv_heads * (piece_bytes(type, head_size) + scales);
}

void append(const Cache& cache, std::span<const Sequence> sequences, const float* k, const float* v,
            std::int64_t stride, machine::ThreadPool& pool) {
  const std::int64_t size = cache.head_size, width = cache.kv_heads * size;
  check(size > 0 && size % 16 == 0, "paged_attention: head size must be a multiple of 16");
  check(stride == 0 || stride >= width, "paged_attention: row stride shorter than a row");
  if (stride == 0) stride = width;
  const std::int64_t block_stride =
      cache.stride != 0 ? cache.stride : block_bytes(cache.type, cache.kv_heads, size);
  const auto write_row = [&](const Sequence& s, std::int64_t i, bool enters) {
    const std::int64_t position = s.context + i, row = s.first_row + i;
    const std::int64_t block = s.blocks[static_cast<std::size_t>(position / kBlockTokens)];
    const std::int64_t token = position % kBlockTokens;
    std::byte* at = cache.data + block * block_stride;
    for (std::int64_t head = 0; head < cache.kv_heads; ++head) {
      if (enters) fetch_head(cache.type, token, size, at + head * piece_bytes(cache.type, size));
      const Places to = places(cache.type, cache.kv_heads, size, head);
      const float* from_k = k + row * stride + head * size;
      const float* from_v = v + row * stride + head * size;
      switch (cache.type) {
        case Type::kF32:
          write_head<float>(token, size, from_k, from_v, at + to.k, at + to.v);
          break;
        case Type::kF16:
          write_head<f16>(token, size, from_k, from_v, at + to.k, at + to.v);
          break;
        case Type::kBF16:
          write_head<bf16>(token, size, from_k, from_v, at + to.k, at + to.v);
          break;
        case Type::kI8:
          write_head_i8(token, size, from_k, from_v, at, to);
          break;
      }
    }
  };
  // What a thread takes is the rows that go into one block, so that two do not write one line.
  const auto blocks_of = [](const Sequence& s) {
    if (s.rows == 0) return std::int64_t{0};
    return (s.context + s.rows - 1) / kBlockTokens - s.context / kBlockTokens + 1;
  };
  std::int64_t rows = 0, blocks = 0;
  for (const Sequence& s : sequences) {
    check(s.context >= 0 && s.rows >= 0 &&
              (s.context + s.rows + kBlockTokens - 1) / kBlockTokens <=
                  static_cast<std::int64_t>(s.blocks.size()),
          "paged_attention: a sequence has too few blocks");
    rows += s.rows;
    blocks += blocks_of(s);
  }
  const auto write_blocks = [&](std::int64_t begin, std::int64_t end) {
    std::int64_t first = 0;  // block of the sequence, counted over all of them
    for (const Sequence& s : sequences) {
      const std::int64_t count = blocks_of(s), at = s.context / kBlockTokens - first;
      const std::int64_t from = std::max(begin, first), to = std::min(end, first + count);
      first += count;
      if (from >= to) continue;
      const std::int64_t row = std::max<std::int64_t>((from + at) * kBlockTokens - s.context, 0);
      const std::int64_t last = std::min((to + at) * kBlockTokens - s.context, s.rows);
      for (std::int64_t i = row; i < last; ++i) {
        write_row(s, i, i == row || (s.context + i) % kBlockTokens == 0);
      }
    }
  };
  if (rows < kRowsWorthSharing) return write_blocks(0, blocks);
  pool.parallel_for(blocks, 1, write_blocks);
}

}  // namespace aisp::kernels::paged_attention
