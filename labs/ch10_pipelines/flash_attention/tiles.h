// Walking the tiles of a problem, and their scratch memory.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>

#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

struct FreeFloats {
  void operator()(float* floats) const { std::free(floats); }
};
using ScratchFloats = std::unique_ptr<float, FreeFloats>;

/// 64-byte aligned.
inline ScratchFloats make_scratch(std::size_t floats) {
  void* memory = std::aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64);
  if (memory == nullptr) throw std::bad_alloc();
  return ScratchFloats(static_cast<float*>(memory));
}

/// Tiles of a problem. Tile t belongs to head t % heads; the tiles with the most visible keys come
/// first, so that workers who take them in order finish together.
struct Tiles {
  Shape shape;
  std::int64_t queries = 0;  // a tile
  std::int64_t blocks() const { return (shape.T + queries - 1) / queries; }
  std::int64_t count() const { return blocks() * shape.heads; }
  Tile at(std::int64_t t, const bench::Io& io) const {
    const std::int64_t head = t % shape.heads, block = blocks() - 1 - t / shape.heads;
    const std::int64_t plane = shape.T * shape.D;
    const std::int64_t group = head / (shape.heads / shape.kv_heads);
    return {.q = io.in<float>(0).data() + head * plane,
            .k = io.in<float>(1).data() + group * plane,
            .v = io.in<float>(2).data() + group * plane,
            .o = io.out<float>(0).data() + head * plane,
            .T = shape.T,
            .D = shape.D,
            .first_query = block * queries};
  }
};

}  // namespace aisp::labs::ch10::flash_attention
