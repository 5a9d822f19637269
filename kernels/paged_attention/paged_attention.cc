// The walk: query rows of a KV head in tiles, tiles over chunks of their context, and the sharing
// of both among threads. A tile with a long context (decoding) is cut into pieces of whole chunks;
// their results are kept chunk by chunk and merged in order afterwards, as one thread would have.
#include "kernels/paged_attention/paged_attention.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "base/check.h"
#include "kernels/gemm/parts.h"
#include "kernels/paged_attention/variants.h"

namespace aisp::kernels::paged_attention {
namespace {

using gemm::divide_up;

// Pieces for each thread, so that the last one to finish leaves the others idle for an eighth at
// most.
constexpr std::int64_t kPiecesPerThread = 8;

/// Some chunks for neighbouring KV heads and, of each, query rows first .. first + rows - 1 of a
/// sequence, counted row by row and in each through the query heads of the group.
struct Item {
  std::int32_t sequence = 0;
  std::int32_t rows = 0;
  std::int64_t head = 0, heads = 1;
  std::int64_t first = 0;
  std::int64_t begin = 0, end = 0;  // chunks
  std::int64_t partial = -1;        // of its first chunk and head; -1: the item is all chunks
};

std::int64_t align_floats(std::int64_t count) { return divide_up(count, 16) * 16; }

}  // namespace

struct Workspace::State {
  machine::ThreadPool* pool;
  const Variant* variant;
  gemm::WorkShare share;
  std::vector<Item> items, whole;  // whole: those that were cut, to be merged
  std::vector<float> scratch;      // of each thread
  std::vector<float> partials;

  // Of the call.
  Cache cache;
  Options options;
  std::span<const Sequence> sequences;
  Rows rows;
  std::int64_t group = 1;

  State(machine::ThreadPool& threads, std::string_view name)
      : pool(&threads), variant(&find_variant(name, machine::cpu())), share(threads.size()) {}

  std::int64_t size() const { return cache.head_size; }
  std::int64_t position(const Item& item, int r) const {
    return sequences[static_cast<std::size_t>(item.sequence)].context + (item.first + r) / group;
  }
  std::int64_t low(std::int64_t position) const {
    return options.window > 0 ? std::max<std::int64_t>(0, position - options.window + 1) : 0;
  }
  /// Floats for the queries of a tile, and for what comes of it: with the larger of its two uses,
  /// kMostTogether tiles of a row.
  std::int64_t query_floats(std::int64_t rows) const { return align_floats(rows * (size() + 2)); }
  std::int64_t result_floats(std::int64_t rows) const { return align_floats(rows * (size() + 2)); }
  std::int64_t thread_floats() const {
    return kMostTogether * (query_floats(1) + kChunkTokens + 2 * result_floats(1));
  }
  static Tile result_at(float* at, std::int64_t rows) {
    return {.most = at, .sum = at + rows, .out = at + 2 * rows};
  }

  void share_out();
  Chunk make_chunk(const Item& item, std::int64_t index) const;
  void prepare(const Item& item, std::int64_t head, float* to) const;
  void attend_item(const Item& item, float* memory);
  void write(const Item& item, std::int64_t head, const Tile& result) const;
  void merge_item(const Item& item, float* memory);
  void run(const std::vector<Item>& work, const auto& body);
};

void Workspace::State::run(const std::vector<Item>& work, const auto& body) {
  const auto count = static_cast<std::int64_t>(work.size());
  const auto of = [&](int worker) { return scratch.data() + worker * thread_floats(); };
  if (share.workers() == 1 || count <= 1) {
    for (const Item& item : work) body(item, of(0));
    return;
  }
  share.reset();
  const auto each = [&](int worker) {
    for (std::int64_t i = share.take(worker, count); i >= 0; i = share.take(worker, count)) {
      body(work[static_cast<std::size_t>(i)], of(worker));
    }
  };
  pool->run(std::ref(each));
}

/// Fills items and whole.
void Workspace::State::share_out() {
  items.clear();
  whole.clear();
  std::int64_t chunks = 0;  // of all sequences that are decoding
  for (const Sequence& s : sequences) {
    if (s.rows * group <= variant->rows) chunks += (s.context + s.rows) / kChunkTokens + 1;
  }
  // Heads stay together while there are enough chunks to share.
  const bool together = chunks >= share.workers() * kPiecesPerThread || share.workers() == 1;
  std::int64_t total = 0;  // query rows x chunks
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const std::int64_t count = sequences[s].rows * group;
    const std::int64_t parts = divide_up(count, variant->rows);
    const std::int64_t heads =
        parts == 1 && together ? std::min(cache.kv_heads, kMostTogether / count) : 1;
    for (std::int64_t head = 0; head < cache.kv_heads; head += heads) {
      for (std::int64_t i = 0; i < parts; ++i) {
        Item item{.sequence = static_cast<std::int32_t>(s), .head = head};
        item.heads = std::min(heads, cache.kv_heads - head);
        item.first = i * count / parts;
        item.rows = static_cast<std::int32_t>((i + 1) * count / parts - item.first);
        item.begin = low(position(item, 0)) / kChunkTokens;
        item.end = position(item, item.rows - 1) / kChunkTokens + 1;
        total += item.rows * item.heads * (item.end - item.begin);
        whole.push_back(item);
      }
    }
  }
  const std::int64_t most = divide_up(total, share.workers() * kPiecesPerThread);
  std::int64_t partial = 0;
  std::size_t kept = 0;
  for (Item item : whole) {
    const std::int64_t length = std::max<std::int64_t>(1, most / (item.rows * item.heads));
    if (share.workers() == 1 || item.end - item.begin < 2 * length) {
      items.push_back(item);
      continue;
    }
    item.partial = partial;
    whole[kept++] = item;
    for (std::int64_t c = item.begin; c < item.end; c += length) {
      Item piece = item;
      piece.begin = c;
      piece.end = std::min(c + length, item.end);
      piece.partial = partial + (c - item.begin) * item.heads;
      items.push_back(piece);
    }
    partial += (item.end - item.begin) * item.heads;
  }
  whole.resize(kept);
  const auto floats = static_cast<std::size_t>(partial * result_floats(kMostRows));
  if (partials.size() < floats) partials.resize(floats);
}

/// The queries of one KV head.
void Workspace::State::prepare(const Item& item, std::int64_t head, float* to) const {
  const Sequence& sequence = sequences[static_cast<std::size_t>(item.sequence)];
  const float* from[kMostRows];
  for (int r = 0; r < item.rows; ++r) {
    const std::int64_t row = sequence.first_row + (item.first + r) / group;
    from[r] = rows.q + row * rows.q_stride + (head * group + (item.first + r) % group) * size();
  }
  variant->prepare(cache.type, from, item.rows, size(), options.scale,
                   reinterpret_cast<std::byte*>(to));
}

/// All of a chunk but its tiles.
Chunk Workspace::State::make_chunk(const Item& item, std::int64_t index) const {
  const Sequence& sequence = sequences[static_cast<std::size_t>(item.sequence)];
  const std::int64_t first = index * kChunkTokens, last = position(item, item.rows - 1);
  Chunk chunk{.kv_heads = cache.kv_heads,
              .head_size = size(),
              .head = item.head,
              .rows = item.rows,
              .soft_cap = options.soft_cap};
  for (int r = 0; r < item.rows; ++r) {
    chunk.low[r] = low(position(item, r)) - first;
    chunk.high[r] = position(item, r) - first;
  }
  chunk.end_token = std::min(kChunkTokens, last + 1 - first);
  chunk.first_block = std::max<std::int64_t>(0, chunk.low[0]) / kBlockTokens;
  chunk.end_block = divide_up(chunk.end_token, kBlockTokens);
  const auto block_at = [&](std::int64_t block) {
    return cache.data + sequence.blocks[static_cast<std::size_t>(block)] * cache.stride;
  };
  for (std::int64_t b = chunk.first_block; b < chunk.end_block; ++b) {
    chunk.blocks[b] = block_at(index * kChunkBlocks + b);
  }
  if (first + kChunkTokens <= last) chunk.next = block_at((index + 1) * kChunkBlocks);
  return chunk;
}

void Workspace::State::attend_item(const Item& item, float* memory) {
  const std::int64_t queries = query_floats(item.rows), results = result_floats(item.rows);
  float* scores = memory + item.heads * queries;
  float* of_chunk = scores + item.heads * item.rows * kChunkTokens;
  float* sums = of_chunk + item.heads * results;
  Tile tiles[kMostTogether];
  for (std::int64_t h = 0; h < item.heads; ++h) {
    prepare(item, item.head + h, memory + h * queries);
    std::fill_n(sums + h * results, results, 0.0f);
    std::fill_n(sums + h * results, item.rows, -INFINITY);
  }
  for (std::int64_t c = item.begin; c < item.end; ++c) {
    Chunk chunk = make_chunk(item, c);
    for (std::int64_t h = 0; h < item.heads; ++h) {
      float* result = of_chunk + h * results;
      if (item.partial >= 0) {
        const std::int64_t place = item.partial + (c - item.begin) * item.heads + h;
        result = partials.data() + place * result_floats(kMostRows);
      }
      std::fill_n(result, results, 0.0f);
      Tile& tile = tiles[h] = result_at(result, item.rows);
      tile.q = reinterpret_cast<const std::byte*>(memory + h * queries);
      tile.scores = scores + h * item.rows * kChunkTokens;
    }
    chunk.tiles = {tiles, static_cast<std::size_t>(item.heads)};
    variant->chunk[static_cast<std::size_t>(cache.type)](chunk);
    if (item.partial >= 0) continue;
    for (std::int64_t h = 0; h < item.heads; ++h) {
      variant->merge(item.rows, size(), tiles[h], result_at(sums + h * results, item.rows));
    }
  }
  if (item.partial >= 0) return;
  for (std::int64_t h = 0; h < item.heads; ++h) {
    write(item, item.head + h, result_at(sums + h * results, item.rows));
  }
}

void Workspace::State::merge_item(const Item& item, float* memory) {
  const std::int64_t results = result_floats(item.rows);
  for (std::int64_t h = 0; h < item.heads; ++h) {
    std::fill_n(memory, results, 0.0f);
    std::fill_n(memory, item.rows, -INFINITY);
    const Tile sum = result_at(memory, item.rows);
    for (std::int64_t c = 0; c < item.end - item.begin; ++c) {
      const std::int64_t place = item.partial + c * item.heads + h;
      float* part = partials.data() + place * result_floats(kMostRows);
      variant->merge(item.rows, size(), result_at(part, item.rows), sum);
    }
    write(item, item.head + h, sum);
  }
}

void Workspace::State::write(const Item& item, std::int64_t head, const Tile& result) const {
  const Sequence& sequence = sequences[static_cast<std::size_t>(item.sequence)];
  for (int r = 0; r < item.rows; ++r) {
    const std::int64_t row = sequence.first_row + (item.first + r) / group;
    float* to =
        rows.out + row * rows.out_stride + (head * group + (item.first + r) % group) * size();
    const float inverse = 1.0f / result.sum[r];
    for (std::int64_t d = 0; d < size(); ++d) to[d] = result.out[r * size() + d] * inverse;
  }
}

Workspace::Workspace(machine::ThreadPool& pool, std::string_view variant)
    : state_(std::make_unique<State>(pool, variant)) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;
std::string_view Workspace::variant() const { return state_->variant->name; }

void attend(Workspace& workspace, const Cache& cache, const Options& options,
            std::span<const Sequence> sequences, const Rows& rows) {
  Workspace::State& state = *workspace.state_;
  const std::int64_t size = cache.head_size;
  check(supports_head_size(size),
        "paged_attention: head size must be a multiple of 16, at most 1024");
  check(cache.kv_heads > 0 && options.heads > 0 && options.heads % cache.kv_heads == 0,
        "paged_attention: query heads must share KV heads evenly");
  const std::int64_t width = options.heads * size;
  check((rows.q_stride == 0 || rows.q_stride >= width) &&
            (rows.out_stride == 0 || rows.out_stride >= width),
        "paged_attention: row stride shorter than a row");
  for (const Sequence& s : sequences) {
    check(s.context >= 0 && s.rows >= 0 &&
              divide_up(s.context + s.rows, kBlockTokens) <=
                  static_cast<std::int64_t>(s.blocks.size()),
          "paged_attention: a sequence has too few blocks");
  }
  state.cache = cache;
  state.options = options;
  state.sequences = sequences;
  state.rows = rows;
  state.group = options.heads / cache.kv_heads;
  if (cache.stride == 0) state.cache.stride = block_bytes(cache.type, cache.kv_heads, size);
  if (options.scale == 0.0f) {
    state.options.scale = 1.0f / std::sqrt(static_cast<float>(size));
  }
  if (rows.q_stride == 0) state.rows.q_stride = width;
  if (rows.out_stride == 0) state.rows.out_stride = width;
  const auto floats = static_cast<std::size_t>(state.share.workers() * state.thread_floats());
  if (state.scratch.size() < floats) state.scratch.resize(floats);
  state.share_out();
  state.run(state.items, [&](const Item& item, float* memory) { state.attend_item(item, memory); });
  state.run(state.whole, [&](const Item& item, float* memory) { state.merge_item(item, memory); });
}

}  // namespace aisp::kernels::paged_attention
