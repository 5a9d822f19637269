// Blocks to floats, one short loop per format: the meaning of each format, in the order of float
// operations that its authors' code has, so that both give the same bits. Written for the reader;
// what must be quick multiplies packed weights in kernels/.
#include "model/block_loops.h"

#include "model/block_layouts.h"

namespace aisp::model {
namespace {

// Calls body(block, out) for each block; blocks lie unaligned in a file.
template <class Block, int kElements, class Body>
void each_block(const std::byte* blocks, std::span<float> out, const Body& body) {
  for (std::size_t at = 0; at < out.size(); at += kElements, blocks += sizeof(Block)) {
    Block block;
    std::memcpy(&block, blocks, sizeof(Block));
    body(block, out.data() + at);
  }
}

// Bit `i` of the fifth bits, as the value 16 or 0.
int fifth(const std::uint8_t high[4], int i) { return (high[i / 8] >> (i % 8) & 1) << 4; }

}  // namespace

void decode_f32(const std::byte* blocks, std::span<float> out) {
  std::memcpy(out.data(), blocks, out.size_bytes());
}

void decode_f64(const std::byte* blocks, std::span<float> out) {
  each_block<double, 1>(blocks, out, [](double v, float* o) { *o = static_cast<float>(v); });
}

void decode_f16(const std::byte* blocks, std::span<float> out) {
  each_block<f16, 1>(blocks, out, [](f16 v, float* o) { *o = static_cast<float>(v); });
}

void decode_bf16(const std::byte* blocks, std::span<float> out) {
  each_block<bf16, 1>(blocks, out, [](bf16 v, float* o) { *o = static_cast<float>(v); });
}

void decode_q4_0(const std::byte* blocks, std::span<float> out) {
  each_block<Q4_0Block, 32>(blocks, out, [](const Q4_0Block& b, float* o) {
    const float d = static_cast<float>(b.scale);
    for (int i = 0; i < 16; ++i) {
      o[i] = static_cast<float>((b.codes[i] & 15) - 8) * d;
      o[i + 16] = static_cast<float>((b.codes[i] >> 4) - 8) * d;
    }
  });
}

void decode_q4_1(const std::byte* blocks, std::span<float> out) {
  each_block<Q4_1Block, 32>(blocks, out, [](const Q4_1Block& b, float* o) {
    const float d = static_cast<float>(b.scale), m = static_cast<float>(b.low);
    for (int i = 0; i < 16; ++i) {
      o[i] = static_cast<float>(b.codes[i] & 15) * d + m;
      o[i + 16] = static_cast<float>(b.codes[i] >> 4) * d + m;
    }
  });
}

void decode_q5_0(const std::byte* blocks, std::span<float> out) {
  each_block<Q5_0Block, 32>(blocks, out, [](const Q5_0Block& b, float* o) {
    const float d = static_cast<float>(b.scale);
    for (int i = 0; i < 16; ++i) {
      o[i] = static_cast<float>(((b.codes[i] & 15) | fifth(b.high, i)) - 16) * d;
      o[i + 16] = static_cast<float>(((b.codes[i] >> 4) | fifth(b.high, i + 16)) - 16) * d;
    }
  });
}

void decode_q5_1(const std::byte* blocks, std::span<float> out) {
  each_block<Q5_1Block, 32>(blocks, out, [](const Q5_1Block& b, float* o) {
    const float d = static_cast<float>(b.scale), m = static_cast<float>(b.low);
    for (int i = 0; i < 16; ++i) {
      o[i] = static_cast<float>((b.codes[i] & 15) | fifth(b.high, i)) * d + m;
      o[i + 16] = static_cast<float>((b.codes[i] >> 4) | fifth(b.high, i + 16)) * d + m;
    }
  });
}

void decode_q8_0(const std::byte* blocks, std::span<float> out) {
  each_block<Q8_0Block, 32>(blocks, out, [](const Q8_0Block& b, float* o) {
    const float d = static_cast<float>(b.scale);
    for (int i = 0; i < 32; ++i) o[i] = static_cast<float>(b.codes[i]) * d;
  });
}

// 16 groups of 16. Bytes [32 h, 32 h + 32) hold elements [128 h, 128 h + 128), two bits for each
// quarter of them.
void decode_q2_k(const std::byte* blocks, std::span<float> out) {
  each_block<Q2_KBlock, kSuper>(blocks, out, [](const Q2_KBlock& b, float* o) {
    const float d = static_cast<float>(b.scale), low = static_cast<float>(b.low);
    for (int i = 0; i < kSuper; ++i) {
      const int half = i / 128, quarter = i % 128 / 32, group = i / 16;
      const int code = b.codes[32 * half + i % 32] >> (2 * quarter) & 3;
      const float step = d * static_cast<float>(b.scales[group] & 15);
      const float shift = low * static_cast<float>(b.scales[group] >> 4);
      o[i] = step * static_cast<float>(code) - shift;
    }
  });
}

// As Q2_K, a third bit beside, and 16 signed scales of 6 bits: low nibbles in bytes 0-7 (groups 0-7
// low, 8-15 high), the two high bits of group g in byte 8 + g % 4 at bit 2 (g / 4).
void decode_q3_k(const std::byte* blocks, std::span<float> out) {
  each_block<Q3_KBlock, kSuper>(blocks, out, [](const Q3_KBlock& b, float* o) {
    const float d = static_cast<float>(b.scale);
    for (int i = 0; i < kSuper; ++i) {
      const int half = i / 128, quarter = i % 128 / 32, group = i / 16;
      const int nibble = b.scales[group % 8] >> (group < 8 ? 0 : 4) & 15;
      const int top = b.scales[8 + group % 4] >> (2 * (group / 4)) & 3;
      const float step = d * static_cast<float>((nibble | top << 4) - 32);
      const int low = b.codes[32 * half + i % 32] >> (2 * quarter) & 3;
      const bool high = (b.high[i % 32] >> (4 * half + quarter) & 1) != 0;
      o[i] = step * static_cast<float>(low - (high ? 0 : 4));
    }
  });
}

// 8 groups of 32. Bytes [32 p, 32 p + 32) hold groups 2 p (low nibbles) and 2 p + 1 (high ones).
void decode_q4_k(const std::byte* blocks, std::span<float> out) {
  each_block<Q4_KBlock, kSuper>(blocks, out, [](const Q4_KBlock& b, float* o) {
    const float d = static_cast<float>(b.scale), low = static_cast<float>(b.low);
    const SixBitScales s = SixBitScales::unpack(b.scales);
    for (int group = 0; group < 8; ++group) {
      const float step = d * static_cast<float>(s.scale[group]);
      const float shift = low * static_cast<float>(s.low[group]);
      const std::uint8_t* codes = b.codes + 32 * (group / 2);
      for (int i = 0; i < 32; ++i) {
        const int code = codes[i] >> (4 * (group % 2)) & 15;
        o[32 * group + i] = step * static_cast<float>(code) - shift;
      }
    }
  });
}

// Q4_K with a fifth bit: bit `group` of high[i].
void decode_q5_k(const std::byte* blocks, std::span<float> out) {
  each_block<Q5_KBlock, kSuper>(blocks, out, [](const Q5_KBlock& b, float* o) {
    const float d = static_cast<float>(b.scale), low = static_cast<float>(b.low);
    const SixBitScales s = SixBitScales::unpack(b.scales);
    for (int group = 0; group < 8; ++group) {
      const float step = d * static_cast<float>(s.scale[group]);
      const float shift = low * static_cast<float>(s.low[group]);
      const std::uint8_t* codes = b.codes + 32 * (group / 2);
      for (int i = 0; i < 32; ++i) {
        const int code = (codes[i] >> (4 * (group % 2)) & 15) | (b.high[i] >> group & 1) << 4;
        o[32 * group + i] = step * static_cast<float>(code) - shift;
      }
    }
  });
}

// 16 groups of 16, signed. Of each half of 128 elements: quarter q has its low nibble in bytes
// 32 (q % 2) + i of the half's 64 (low for q < 2, else high), its two high bits at bit 2 q of byte
// i of the half's 32.
void decode_q6_k(const std::byte* blocks, std::span<float> out) {
  each_block<Q6_KBlock, kSuper>(blocks, out, [](const Q6_KBlock& b, float* o) {
    const float d = static_cast<float>(b.scale);
    for (int i = 0; i < kSuper; ++i) {
      const int half = i / 128, quarter = i % 128 / 32, at = i % 32;
      const int nibble =
          b.low_bits[64 * half + 32 * (quarter % 2) + at] >> (4 * (quarter / 2)) & 15;
      const int top = b.high_bits[32 * half + at] >> (2 * quarter) & 3;
      const float step = d * static_cast<float>(b.scales[i / 16]);
      o[i] = step * static_cast<float>((nibble | top << 4) - 32);
    }
  });
}

}  // namespace aisp::model
