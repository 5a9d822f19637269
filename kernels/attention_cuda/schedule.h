// Which tile of queries a block computes next. The producer's one thread asks; what it learns goes
// to the consumers through shared memory, together with the tile of Q.
//
// A causal tile costs as much as it has keys before it. The tiles of a section go from long to
// short or back, in turns, the last section from long to short; and the rounds go to and fro over
// the blocks: block i gets tile i, then 2 n - 1 - i, ... Neighbouring tiles are then nearly equal
// everywhere, and the busiest of 132 blocks has 0.1 % more than the mean for 32 heads of 4096 to
// 16384 queries (3 % for 2048). With every section from long to short it has 10 % more, without the
// fro 3 to 12 %; a counter that blocks ask has 0.1 to 0.9 %, but needs memory that is zero. Heads
// of one section come together, because their K and V fit in the second-level cache at once. Plain
// C++: a test walks it on the host.
//
// Source: R. Graham, "Bounds on multiprocessing timing anomalies" (1969): longest first; T. Dao,
// flash-attention, hopper/tile_scheduler.hpp (sections).
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/attention_cuda/launches.h"

namespace aisp::kernels::attention_cuda {

struct Tile {
  int batch;  // -1: no more
  int head;
  int first_query;  // in the sequence
  int queries, keys;
  int query_row, key_row;  // where the sequence begins (0 unless packed)
};

/// Keys that the tile's last query sees, in tiles of kKeys.
template <int kQueries, int kKeys>
constexpr int key_tiles(const Tile& tile, int causal) {
  int seen = tile.keys;
  if (causal) {
    seen = std::min(seen, tile.first_query + kQueries + tile.keys - tile.queries);
    if (seen < 0) seen = 0;
  }
  return (seen + kKeys - 1) / kKeys;
}

template <int kQueries>
class Schedule {
 public:
  constexpr Schedule(const Work& work, int block, int blocks)
      : work_(work), block_(block), blocks_(blocks) {}

  constexpr Tile next() {
    const int index = round_ * blocks_ + ((round_ & 1) != 0 ? blocks_ - 1 - block_ : block_);
    ++round_;
    return work_.query_starts == nullptr ? uniform(index) : packed(index);
  }

 private:
  constexpr Tile uniform(int index) const {
    const int tiles = (work_.queries + kQueries - 1) / kQueries;
    const int pairs = work_.batch * work_.heads;
    if (index >= tiles * pairs) return {-1};
    const int section = index / (tiles * work_.section_heads);
    const int first = section * work_.section_heads;
    const int width = std::min(work_.section_heads, pairs - first);
    const int within = index - first * tiles;
    const int row = within / width, pair = first + within % width;
    const int batch = pair / work_.heads;
    return {batch,
            pair - batch * work_.heads,
            fold(row, tiles, (pairs - 1) / work_.section_heads - section) * kQueries,
            work_.queries,
            work_.keys,
            0,
            0};
  }

  /// Heads fastest, then tiles, then sequences: `index` only grows, so the sequence is found by
  /// walking on from the last one.
  constexpr Tile packed(int index) {
    const int flat = index / work_.heads;
    for (; batch_ < work_.batch; ++batch_) {
      const int begin = work_.query_starts[batch_];
      const int queries = work_.query_starts[batch_ + 1] - begin;
      const int tiles = (queries + kQueries - 1) / kQueries;
      if (flat < tiles_before_ + tiles) {
        const int key_begin = work_.key_starts[batch_];
        return {batch_,
                index - flat * work_.heads,
                fold(flat - tiles_before_, tiles, work_.batch - 1 - batch_) * kQueries,
                queries,
                work_.key_starts[batch_ + 1] - key_begin,
                begin,
                key_begin};
      }
      tiles_before_ += tiles;
    }
    return {-1};
  }

  /// The tile at `row` of a section (or sequence) after which `after` more come.
  constexpr int fold(int row, int tiles, int after) const {
    return work_.causal != 0 && after % 2 == 0 ? tiles - 1 - row : row;
  }

  const Work& work_;
  int block_, blocks_;
  int round_ = 0;
  int batch_ = 0, tiles_before_ = 0;
};

}  // namespace aisp::kernels::attention_cuda
