// How the blocks of one launch share tiles x units of work evenly (stream-K): tile t's units follow
// tile t-1's, and block b takes one contiguous range of them. So every block streams the same
// number of weight bytes whatever the shape; a tile that several blocks share is summed by the last
// of them to arrive, in the order of the blocks, which makes the result the same every time.
// 32 bits suffice: 2^31 units are more weights than any card holds. Divisions are rare, and kept
// out of the start of a block, where nothing hides them.
//
// Source: Osama et al., "Stream-K", PPoPP 2023, arXiv:2301.03598.
#pragma once

#include <algorithm>
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

inline Split make_split(std::int64_t tiles, std::int64_t units, std::int64_t blocks) {
  Split split{.tiles = static_cast<int>(tiles), .units = static_cast<int>(units)};
  split.blocks = static_cast<int>(std::min(blocks, tiles * units));
  split.base = split.total() / split.blocks;
  split.extra = split.total() % split.blocks;
  return split;
}

}  // namespace aisp::kernels::gemm_skinny_cuda
