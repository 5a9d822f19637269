// How the blocks of one launch share tiles x units of work. Split (stream-K): tile t's units follow
// tile t-1's, and block b takes one contiguous range of them. So every block streams the same
// number of weight bytes whatever the shape; a tile that several blocks share is summed by the last
// of them to arrive, in the order of the blocks, which makes the result the same every time.
// 32 bits suffice: 2^31 units are more weights than any card holds. Divisions are rare, and kept
// out of the start of a block, where nothing hides them. Walk is for clusters: whole tiles, and one
// that a cluster divides.
//
// Source: Osama et al., "Stream-K", PPoPP 2023, arXiv:2301.03598.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#ifdef __CUDACC__
#define AISP_HOST_DEVICE __host__ __device__
#else
#define AISP_HOST_DEVICE
#endif

namespace aisp::kernels::gemm_skinny_cuda {

struct Split {
  int tiles = 0;
  int units = 0;            // of one tile: steps along K
  int blocks = 1;           // at most tiles * units, so that no range is empty
  int base = 0, extra = 0;  // units of a block; the first `extra` blocks have one more

  AISP_HOST_DEVICE int total() const { return tiles * units; }
  /// First unit of block b; begin(b + 1) is its end.
  AISP_HOST_DEVICE int begin(int b) const { return b * base + (b < extra ? b : extra); }
  /// The block whose range holds unit u.
  AISP_HOST_DEVICE int block_of(int u) const {
    const int longer = extra * (base + 1);
    return u < longer ? u / (base + 1) : extra + (u - longer) / base;
  }
  /// The blocks that share a tile are first to last.
  AISP_HOST_DEVICE int first_block(int tile) const { return block_of(tile * units); }
  AISP_HOST_DEVICE int last_block(int tile) const { return block_of((tile + 1) * units - 1); }
  /// Is all of the tile this block's?
  AISP_HOST_DEVICE bool whole(int block, int tile) const {
    return begin(block) <= tile * units && (tile + 1) * units <= begin(block + 1);
  }
  /// A block shares at most its first tile (slot 0) and its last one (slot 1, if another) with
  /// others: where among its two partial sums is this tile's?
  AISP_HOST_DEVICE int slot(int block, int tile) const { return begin(block) < tile * units; }
};

/// How clusters take tiles, in turn: each of the `share` blocks of a cluster (a power of 2) has its
/// own tile of a group of neighbours; or a cluster takes single tiles, of which each of its `split`
/// blocks has as many whole ones, and one that is left over they divide along K. One of the two is
/// 1. Divided here once, and not at the start of every block.
struct Walk {
  int tiles = 0, units = 0, share = 1, share_bits = 0, split = 1, clusters = 1;
  int part_base = 0, part_extra = 0;    // units of a part; the first `part_extra` have one more
  int round_base = 0, round_extra = 0;  // tiles (or groups) of a cluster, likewise

  /// First unit of a part; begin(part + 1) is its end.
  AISP_HOST_DEVICE int begin(int part) const {
    return part * part_base + (part < part_extra ? part : part_extra);
  }
  AISP_HOST_DEVICE int rounds(int cluster) const { return round_base + (cluster < round_extra); }
};

/// What one block of a walk does.
struct Part {
  int tile = 0, step = 0, whole = 0;      // whole tiles: tile, tile + step, ...
  int last_tile = 0, begin = 0, end = 0;  // and units of one more, if any
  AISP_HOST_DEVICE int count(int units) const { return whole * units + end - begin; }
};

AISP_HOST_DEVICE inline Part part_of(const Walk& walk, int cluster, int rank) {
  const int rounds = walk.rounds(cluster);
  Part part;
  if (walk.split == 1) {
    part.tile = cluster * walk.share + rank;
    part.step = walk.clusters * walk.share;
    part.whole = rounds;
    return part;
  }
  part.tile = cluster + rank * walk.clusters;
  part.step = walk.split * walk.clusters;
  part.whole = walk.split == 2 ? rounds / 2 : 0;
  if (rounds > part.whole * walk.split) {
    part.last_tile = cluster + (rounds - 1) * walk.clusters;
    part.begin = walk.begin(rank);
    part.end = walk.begin(rank + 1);
  }
  return part;
}

inline Walk make_walk(std::int64_t tiles, std::int64_t units, int share, int split, int clusters) {
  const auto groups = static_cast<int>((tiles + share - 1) / share);
  return {.tiles = static_cast<int>(tiles),
          .units = static_cast<int>(units),
          .share = share,
          .share_bits = std::countr_zero(static_cast<unsigned>(share)),
          .split = split,
          .clusters = clusters,
          .part_base = static_cast<int>(units / split),
          .part_extra = static_cast<int>(units % split),
          .round_base = groups / clusters,
          .round_extra = groups % clusters};
}

inline Split make_split(std::int64_t tiles, std::int64_t units, std::int64_t blocks) {
  Split split{.tiles = static_cast<int>(tiles), .units = static_cast<int>(units)};
  split.blocks = static_cast<int>(std::min(blocks, tiles * units));
  split.base = split.total() / split.blocks;
  split.extra = split.total() % split.blocks;
  return split;
}

}  // namespace aisp::kernels::gemm_skinny_cuda
