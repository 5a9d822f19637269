// Floats to blocks. A block's scale (and minimum) is searched: a few starting scales around the one
// that spans the values, each followed by the least-squares scale for the codes it gave; the
// smallest squared error wins. Scales are rounded as they are stored before the final codes are
// chosen, so the codes make up for it. Source: least squares by alternation is Lloyd, "Least
// squares quantization in PCM" (1982).
#include <algorithm>
#include <bit>
#include <cmath>

#include "model/block_layouts.h"
#include "model/block_loops.h"

namespace aisp::model {
namespace {

// To the nearest integer, ties to even, in [low, high]; the sum with 1.5 * 2^23 leaves the integer
// in the low bits, without the library call that baseline x86-64 needs. Any input is defined.
int code_of(float value, int low, int high) {
  const float limited =
      std::min(std::max(value, static_cast<float>(low)), static_cast<float>(high));
  const int bits = std::bit_cast<std::int32_t>(limited + 12582912.0f) - 0x4b400000;
  return std::clamp(bits, low, high);  // NaN ends here
}

float inverse(float value) { return value == 0.0f ? 0.0f : 1.0f / value; }

// A sum in eight lanes, added pairwise at the end: the compiler may then use vectors of any width,
// and the result is the same on every machine.
struct Sum {
  static constexpr int kLanes = 8;
  float lane[kLanes] = {};
  float total() const {
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
  }
};

// code_of without the integer; NaN stays NaN.
float rounded(float value, float low, float high) {
  return (std::min(std::max(value, low), high) + 12582912.0f) - 12582912.0f;
}

// The scale s and codes q in [-span, span - 1] with the smallest sum of (s q - x)^2 that the search
// finds. The value of largest magnitude starts at -span, the longer side of the range.
template <int kCount>
float fit_symmetric(const float* x, int span, int tries) {
  float peak = 0.0f;
  for (int i = 0; i < kCount; ++i) {
    if (std::fabs(x[i]) > std::fabs(peak)) peak = x[i];
  }
  if (!(std::fabs(peak) > 1e-30f)) return 0.0f;
  const auto top = static_cast<float>(span);
  float best_gain = 0.0f, best = 0.0f;
  for (int t = 0; t <= tries; ++t) {
    // From one code inside the range to a little beyond it: more than that never won on random
    // normal values.
    const float start =
        -(top + 0.9f - 1.8f * static_cast<float>(t) / static_cast<float>(tries)) / peak;
    Sum xq, qq;
    for (int i = 0; i < kCount; i += Sum::kLanes) {
      for (int l = 0; l < Sum::kLanes; ++l) {
        const float q = rounded(start * x[i + l], -top, top - 1.0f);
        xq.lane[l] += x[i + l] * q;
        qq.lane[l] += q * q;
      }
    }
    // With s = xq / qq the squared error falls by xq^2 / qq.
    const float product = xq.total(), square = qq.total();
    if (square > 0.0f && product * product > best_gain * square) {
      best_gain = product * product / square;
      best = product / square;
    }
  }
  return best;
}

struct Affine {
  float scale = 0.0f, low = 0.0f;  // value = scale * code - low, both >= 0
};

// The least-squares pair for the codes that a start (codes per value, above `smallest`) gives, and
// the squared error with the codes that the pair itself gives.
Affine refine_affine(const float* x, float start, float smallest, float sum_x, float* error) {
  constexpr int kCount = 32;
  Sum sum_q, sum_qq, sum_xq;
  for (int i = 0; i < kCount; i += Sum::kLanes) {
    for (int l = 0; l < Sum::kLanes; ++l) {
      const float q = rounded(start * (x[i + l] - smallest), 0.0f, 15.0f);
      sum_q.lane[l] += q;
      sum_qq.lane[l] += q * q;
      sum_xq.lane[l] += x[i + l] * q;
    }
  }
  const float q1 = sum_q.total(), q2 = sum_qq.total(), xq = sum_xq.total();
  const float determinant = kCount * q2 - q1 * q1;
  *error = INFINITY;
  if (!(determinant > 0.0f)) return {};
  Affine fit{(kCount * xq - sum_x * q1) / determinant, -(q2 * sum_x - q1 * xq) / determinant};
  if (fit.low < 0.0f) fit = {xq / q2, 0.0f};
  const float step = inverse(fit.scale);
  Sum square;
  for (int i = 0; i < kCount; i += Sum::kLanes) {
    for (int l = 0; l < Sum::kLanes; ++l) {
      const float q = rounded(step * (x[i + l] + fit.low), 0.0f, 15.0f);
      const float off = fit.scale * q - fit.low - x[i + l];
      square.lane[l] += off * off;
    }
  }
  *error = square.total();
  return fit;
}

// The same search for codes in [0, 15] and a minimum that is not above zero.
Affine fit_affine(const float* x) {
  constexpr int kTries = 8;
  float smallest = 0.0f, largest = x[0], sum_x = 0.0f;
  for (int i = 0; i < 32; ++i) {
    smallest = std::min(smallest, x[i]);
    largest = std::max(largest, x[i]);
    sum_x += x[i];
  }
  if (!(largest - smallest > 1e-30f)) return {0.0f, -smallest};
  Affine best{(largest - smallest) / 15.0f, -smallest};
  float best_error = INFINITY, error = 0.0f;
  for (int t = 0; t <= kTries; ++t) {
    const float start = (14.1f + 0.25f * static_cast<float>(t)) / (largest - smallest);
    const Affine fit = refine_affine(x, start, smallest, sum_x, &error);
    if (error < best_error) {
      best_error = error;
      best = fit;
    }
  }
  return best;
}

// A Q4_K block while its scales are chosen.
struct Q4_KChoice {
  f16 scale, low;
  SixBitScales groups;
  std::int32_t codes[kSuper];
  double error = INFINITY;

  // Codes for the scales at hand, and the squared error they leave.
  void choose_codes(const float* x) {
    error = 0.0;
    for (int g = 0; g < 8; ++g) {
      const float step = static_cast<float>(scale) * static_cast<float>(groups.scale[g]);
      const float shift = static_cast<float>(low) * static_cast<float>(groups.low[g]);
      const float per_step = inverse(step);
      Sum square;
      for (int i = 32 * g; i < 32 * g + 32; i += Sum::kLanes) {
        for (int l = 0; l < Sum::kLanes; ++l) {
          codes[i + l] = code_of(per_step * (x[i + l] + shift), 0, 15);
          const float off = step * static_cast<float>(codes[i + l]) - shift - x[i + l];
          square.lane[l] += off * off;
        }
      }
      error += static_cast<double>(square.total());
    }
  }

  // The least-squares pair (scale, low) of the whole block for the codes at hand.
  void refit(const float* x) {
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
    for (int g = 0; g < 8; ++g) {
      const double a = groups.scale[g], b = groups.low[g];
      int q1 = 0, q2 = 0;
      Sum x1, xq;
      for (int i = 32 * g; i < 32 * g + 32; i += Sum::kLanes) {
        for (int l = 0; l < Sum::kLanes; ++l) {
          q1 += codes[i + l];
          q2 += codes[i + l] * codes[i + l];
          x1.lane[l] += x[i + l];
          xq.lane[l] += x[i + l] * static_cast<float>(codes[i + l]);
        }
      }
      aa += a * a * q2, ab += a * b * q1, bb += b * b * 32;
      ax += a * static_cast<double>(xq.total()), bx += b * static_cast<double>(x1.total());
    }
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
      scale = f16(static_cast<float>((ax * bb - bx * ab) / determinant));
      low = f16(static_cast<float>((ax * ab - bx * aa) / determinant));
    } else if (aa > 0.0) {
      scale = f16(static_cast<float>(ax / aa));
    }
  }
};

Q4_KBlock encode_q4_k_block(const float* x) {
  Affine fits[8];
  float top_scale = 0.0f, top_low = 0.0f;
  for (int g = 0; g < 8; ++g) {
    fits[g] = fit_affine(x + 32 * g);
    top_scale = std::max(top_scale, fits[g].scale);
    top_low = std::max(top_low, fits[g].low);
  }
  Q4_KChoice best;
  best.scale = f16(top_scale / 63.0f);
  best.low = f16(top_low / 63.0f);
  for (int g = 0; g < 8; ++g) {
    best.groups.scale[g] = static_cast<std::uint8_t>(
        code_of(fits[g].scale * inverse(static_cast<float>(best.scale)), 0, 63));
    best.groups.low[g] = static_cast<std::uint8_t>(
        code_of(fits[g].low * inverse(static_cast<float>(best.low)), 0, 63));
  }
  best.choose_codes(x);
  Q4_KChoice other = best;
  other.refit(x);
  other.choose_codes(x);
  if (other.error < best.error) best = other;
  Q4_KBlock block;
  block.scale = best.scale;
  block.low = best.low;
  best.groups.pack(block.scales);
  for (int i = 0; i < 128; ++i) {
    const int low = 64 * (i / 32) + i % 32;
    block.codes[i] = static_cast<std::uint8_t>(best.codes[low] | best.codes[low + 32] << 4);
  }
  return block;
}

Q6_KBlock encode_q6_k_block(const float* x) {
  constexpr int kTries = 12;
  float scales[16], peak = 0.0f;
  for (int g = 0; g < 16; ++g) {
    scales[g] = fit_symmetric<16>(x + 16 * g, 32, kTries);
    if (std::fabs(scales[g]) > std::fabs(peak)) peak = scales[g];
  }
  Q6_KBlock block{};
  block.scale = f16(peak / -128.0f);
  const float per_unit = inverse(static_cast<float>(block.scale));
  for (int g = 0; g < 16; ++g) {
    block.scales[g] = static_cast<std::int8_t>(code_of(scales[g] * per_unit, -128, 127));
  }
  for (int i = 0; i < kSuper; ++i) {
    const int half = i / 128, quarter = i % 128 / 32, at = i % 32;
    const float step = static_cast<float>(block.scale) * static_cast<float>(block.scales[i / 16]);
    const int code = code_of(x[i] * inverse(step), -32, 31) + 32;
    block.low_bits[64 * half + 32 * (quarter % 2) + at] |=
        static_cast<std::uint8_t>((code & 15) << (4 * (quarter / 2)));
    block.high_bits[32 * half + at] |= static_cast<std::uint8_t>((code >> 4) << (2 * quarter));
  }
  return block;
}

template <int kElements, class Body>
void each_block(std::span<const float> values, std::byte* blocks, const Body& body) {
  for (std::size_t at = 0; at < values.size(); at += kElements) {
    const auto block = body(values.data() + at);
    std::memcpy(blocks, &block, sizeof(block));
    blocks += sizeof(block);
  }
}

}  // namespace

void encode_f32(std::span<const float> values, std::byte* blocks) {
  std::memcpy(blocks, values.data(), values.size_bytes());
}

void encode_f16(std::span<const float> values, std::byte* blocks) {
  each_block<1>(values, blocks, [](const float* x) { return f16(*x); });
}

void encode_bf16(std::span<const float> values, std::byte* blocks) {
  each_block<1>(values, blocks, [](const float* x) { return bf16(*x); });
}

void encode_q8_0(std::span<const float> values, std::byte* blocks) {
  each_block<32>(values, blocks, [](const float* x) {
    float peak = 0.0f;
    for (int i = 0; i < 32; ++i) peak = std::max(peak, std::fabs(x[i]));
    Q8_0Block block;
    block.scale = f16(peak / 127.0f);
    const float per_step = inverse(static_cast<float>(block.scale));
    for (int i = 0; i < 32; ++i) {
      block.codes[i] = static_cast<std::int8_t>(code_of(x[i] * per_step, -127, 127));
    }
    return block;
  });
}

void encode_q4_0(std::span<const float> values, std::byte* blocks) {
  constexpr int kTries = 12;
  each_block<32>(values, blocks, [](const float* x) {
    Q4_0Block block;
    block.scale = f16(fit_symmetric<32>(x, 8, kTries));
    const float per_step = inverse(static_cast<float>(block.scale));
    for (int i = 0; i < 16; ++i) {
      const int low = code_of(x[i] * per_step, -8, 7) + 8;
      const int high = code_of(x[i + 16] * per_step, -8, 7) + 8;
      block.codes[i] = static_cast<std::uint8_t>(low | high << 4);
    }
    return block;
  });
}

void encode_q4_k(std::span<const float> values, std::byte* blocks) {
  each_block<kSuper>(values, blocks, encode_q4_k_block);
}

void encode_q6_k(std::span<const float> values, std::byte* blocks) {
  each_block<kSuper>(values, blocks, encode_q6_k_block);
}

}  // namespace aisp::model
