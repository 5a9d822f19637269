// How the blocks lie in a file: plain structs that are read and written byte by byte, and the
// packed 6-bit scales of the 256-element formats. Private to block_decode.cc and block_encode.cc.
// Source: github.com/ggml-org/llama.cpp, ggml/src/ggml-common.h.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/dtype.h"

namespace aisp::model {

constexpr int kSuper = 256;  // elements of a super-block, the _K formats

struct Q4_0Block {
  f16 scale;
  std::uint8_t codes[16];  // element i in the low nibble of codes[i], 16 + i in the high one
};
struct Q4_1Block {
  f16 scale, low;
  std::uint8_t codes[16];
};
struct Q5_0Block {
  f16 scale;
  std::uint8_t high[4];  // bit i: the fifth bit of element i
  std::uint8_t codes[16];
};
struct Q5_1Block {
  f16 scale, low;
  std::uint8_t high[4];
  std::uint8_t codes[16];
};
struct Q8_0Block {
  f16 scale;
  std::int8_t codes[32];
};
struct Q2_KBlock {
  std::uint8_t scales[16];  // low nibble: scale, high nibble: minimum
  std::uint8_t codes[64];
  f16 scale, low;
};
struct Q3_KBlock {
  std::uint8_t high[32];
  std::uint8_t codes[64];
  std::uint8_t scales[12];
  f16 scale;
};
struct Q4_KBlock {
  f16 scale, low;
  std::uint8_t scales[12];
  std::uint8_t codes[128];
};
struct Q5_KBlock {
  f16 scale, low;
  std::uint8_t scales[12];
  std::uint8_t high[32];
  std::uint8_t codes[128];
};
struct Q6_KBlock {
  std::uint8_t low_bits[128];
  std::uint8_t high_bits[64];
  std::int8_t scales[16];
  f16 scale;
};
static_assert(sizeof(Q4_0Block) == 18 && sizeof(Q4_1Block) == 20 && sizeof(Q5_0Block) == 22);
static_assert(sizeof(Q5_1Block) == 24 && sizeof(Q8_0Block) == 34 && sizeof(Q2_KBlock) == 84);
static_assert(sizeof(Q3_KBlock) == 110 && sizeof(Q4_KBlock) == 144 && sizeof(Q5_KBlock) == 176);
static_assert(sizeof(Q6_KBlock) == 210);

/// The 8 scales and 8 minima of 6 bits in the 12 bytes of Q4_K and Q5_K: the first four of each in
/// the low bits of bytes 0-3 and 4-7; of the others the low nibbles in bytes 8-11, the two high
/// bits in the tops of bytes 0-7.
struct SixBitScales {
  std::uint8_t scale[8], low[8];

  static SixBitScales unpack(const std::uint8_t bytes[12]) {
    SixBitScales s;
    for (int i = 0; i < 4; ++i) {
      s.scale[i] = bytes[i] & 63;
      s.low[i] = bytes[4 + i] & 63;
      s.scale[4 + i] = static_cast<std::uint8_t>((bytes[8 + i] & 15) | (bytes[i] >> 6 << 4));
      s.low[4 + i] = static_cast<std::uint8_t>((bytes[8 + i] >> 4) | (bytes[4 + i] >> 6 << 4));
    }
    return s;
  }

  void pack(std::uint8_t bytes[12]) const {
    for (int i = 0; i < 4; ++i) {
      bytes[i] = static_cast<std::uint8_t>(scale[i] | (scale[4 + i] >> 4 << 6));
      bytes[4 + i] = static_cast<std::uint8_t>(low[i] | (low[4 + i] >> 4 << 6));
      bytes[8 + i] = static_cast<std::uint8_t>((scale[4 + i] & 15) | ((low[4 + i] & 15) << 4));
    }
  }
};

}  // namespace aisp::model
