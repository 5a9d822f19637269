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
constexpr std::int64_t kLargestHead = 1024;

/// Some chunks of a tile: query rows first .. first + rows - 1 of a sequence and a KV head, counted
/// row by row and in each through the query heads of the group.
struct Item {
  std::int32_t sequence = 0;
  std::int32_t rows = 0;
  std::int64_t head = 0;
  std::int64_t first = 0;
  std::int64_t begin = 0, end = 0;  // chunks
  std::int64_t partial = -1;        // of its first chunk; -1: the item is the whole tile
};

std::int64_t align_floats(std::int64_t count) { return divide_up(count, 16) * 16; }

}  // namespace

struct Workspace::State {
  machine::ThreadPool* pool;
  const Variant* variant;
  gemm::WorkShare share;
  std::vector<Item> items, tiles;  // tiles: those in pieces, to be merged
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
  /// Floats: a tile's queries, scores, a partial result for a chunk and one for the tile.
  std::int64_t query_floats() const { return align_floats(kMostRows * (size() + 2)); }
  std::int64_t partial_floats() const { return align_floats(kMostRows * (size() + 2)); }
  std::int64_t thread_floats() const {
    return query_floats() + kMostRows * kChunkTokens + 2 * partial_floats();
  }
  Partial partial_at(float* at) const {
    return {.most = at, .sum = at + kMostRows, .out = at + 2 * kMostRows};
  }

  void share_out();
  Tile make_tile(const Item& item, float* queries) const;
  Chunk make_chunk(const Item& item, const Tile& tile, std::int64_t index) const;
  void attend_item(const Item& item, float* memory);
  void write(const Item& item, const Partial& result) const;
  void merge_tile(const Item& tile, float* memory);
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

/// Fills items and tiles.
void Workspace::State::share_out() {
  items.clear();
  tiles.clear();
  std::int64_t total = 0;  // query rows x chunks
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const std::int64_t count = sequences[s].rows * group;
    const std::int64_t parts = divide_up(count, variant->rows);
    for (std::int64_t head = 0; head < cache.kv_heads; ++head) {
      for (std::int64_t i = 0; i < parts; ++i) {
        Item item{.sequence = static_cast<std::int32_t>(s), .head = head};
        item.first = i * count / parts;
        item.rows = static_cast<std::int32_t>((i + 1) * count / parts - item.first);
        item.begin = low(position(item, 0)) / kChunkTokens;
        item.end = position(item, item.rows - 1) / kChunkTokens + 1;
        total += item.rows * (item.end - item.begin);
        tiles.push_back(item);
      }
    }
  }
  const std::int64_t most = divide_up(total, share.workers() * kPiecesPerThread);
  std::int64_t partial = 0;
  std::size_t kept = 0;
  for (Item tile : tiles) {
    const std::int64_t chunks = tile.end - tile.begin;
    const std::int64_t length = std::max<std::int64_t>(1, most / tile.rows);
    if (share.workers() == 1 || chunks < 2 * length) {
      items.push_back(tile);
      continue;
    }
    tile.partial = partial;
    tiles[kept++] = tile;
    for (std::int64_t c = tile.begin; c < tile.end; c += length) {
      Item piece = tile;
      piece.begin = c;
      piece.end = std::min(c + length, tile.end);
      piece.partial = partial + c - tile.begin;
      items.push_back(piece);
    }
    partial += chunks;
  }
  tiles.resize(kept);
  const auto floats = static_cast<std::size_t>(partial * partial_floats());
  if (partials.size() < floats) partials.resize(floats);
}

Tile Workspace::State::make_tile(const Item& item, float* queries) const {
  const Sequence& sequence = sequences[static_cast<std::size_t>(item.sequence)];
  Tile tile{.rows = item.rows,
            .head_size = size(),
            .q = reinterpret_cast<const std::byte*>(queries),
            .soft_cap = options.soft_cap};
  const float* from[kMostRows];
  for (int r = 0; r < item.rows; ++r) {
    const std::int64_t row = sequence.first_row + (item.first + r) / group;
    const std::int64_t head = item.head * group + (item.first + r) % group;
    from[r] = rows.q + row * rows.q_stride + head * size();
    tile.high[r] = position(item, r);
    tile.low[r] = low(tile.high[r]);
  }
  variant->prepare(cache.type, from, item.rows, size(), options.scale,
                   reinterpret_cast<std::byte*>(queries));
  return tile;
}

Chunk Workspace::State::make_chunk(const Item& item, const Tile& tile, std::int64_t index) const {
  const Sequence& sequence = sequences[static_cast<std::size_t>(item.sequence)];
  const std::int64_t first = index * kChunkTokens, last = tile.high[item.rows - 1];
  Chunk chunk{.first_token = first};
  chunk.end_token = std::min(kChunkTokens, last + 1 - first);
  chunk.first_block = std::max<std::int64_t>(0, tile.low[0] - first) / kBlockTokens;
  chunk.end_block = divide_up(chunk.end_token, kBlockTokens);
  const auto part_of = [&](std::int64_t block) {
    return cache.data + sequence.blocks[static_cast<std::size_t>(block)] * cache.stride +
           item.head * head_bytes(cache.type, size());
  };
  const std::int64_t end = last / kBlockTokens + 1;
  for (std::int64_t b = chunk.first_block; b < chunk.end_block; ++b) {
    const std::int64_t block = index * kChunkBlocks + b;
    chunk.blocks[b] = part_of(block);
    if (block + kChunkBlocks < end) chunk.next[b] = part_of(block + kChunkBlocks);
  }
  return chunk;
}

void Workspace::State::attend_item(const Item& item, float* memory) {
  const Tile tile = make_tile(item, memory);
  float* scores = memory + query_floats();
  float* own = scores + kMostRows * kChunkTokens;
  const Partial sum = partial_at(own), of_chunk = partial_at(own + partial_floats());
  std::fill_n(own, partial_floats(), 0.0f);
  std::fill_n(sum.most, kMostRows, -INFINITY);
  const auto function = variant->chunk[static_cast<std::size_t>(cache.type)];
  for (std::int64_t c = item.begin; c < item.end; ++c) {
    Chunk chunk = make_chunk(item, tile, c);
    chunk.scores = scores;
    if (item.partial >= 0) {
      function(tile, chunk,
               partial_at(partials.data() + (item.partial + c - item.begin) * partial_floats()));
    } else {
      function(tile, chunk, of_chunk);
      variant->merge(item.rows, size(), of_chunk, sum);
    }
  }
  if (item.partial < 0) write(item, sum);
}

void Workspace::State::merge_tile(const Item& tile, float* memory) {
  const Partial sum = partial_at(memory);
  std::fill_n(memory, partial_floats(), 0.0f);
  std::fill_n(sum.most, kMostRows, -INFINITY);
  for (std::int64_t c = 0; c < tile.end - tile.begin; ++c) {
    const Partial part = partial_at(partials.data() + (tile.partial + c) * partial_floats());
    variant->merge(tile.rows, size(), part, sum);
  }
  write(tile, sum);
}

void Workspace::State::write(const Item& item, const Partial& result) const {
  const Sequence& sequence = sequences[static_cast<std::size_t>(item.sequence)];
  for (int r = 0; r < item.rows; ++r) {
    const std::int64_t row = sequence.first_row + (item.first + r) / group;
    const std::int64_t head = item.head * group + (item.first + r) % group;
    float* to = rows.out + row * rows.out_stride + head * size();
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
  check(size > 0 && size % 16 == 0 && size <= kLargestHead,
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
  state.run(state.tiles, [&](const Item& tile, float* memory) { state.merge_tile(tile, memory); });
}

}  // namespace aisp::kernels::paged_attention
