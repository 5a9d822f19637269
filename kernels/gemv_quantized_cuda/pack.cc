// The packed layout of pack.h, byte by byte.
#include "kernels/gemv_quantized_cuda/pack.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/error.h"

namespace aisp::kernels::gemv_quantized_cuda {
namespace {

constexpr std::int64_t kUnit = 128;
constexpr std::int64_t kRows = 64;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

struct Layout {
  Format format;
  std::int64_t n, k;
  bool gate_and_up;
  FormatFacts is = facts(format);
  std::int64_t units = divide_up(k, kUnit);  // of 64 rows
  std::int64_t tile_bytes = 16 * kUnit * is.bits / 8;
  std::int64_t groups = is.group > 0 ? kUnit / is.group : 0;  // of a unit
  std::int64_t scale_at = 4 * tile_bytes;                     // in a unit
  std::int64_t zero_at = scale_at + groups * kRows * 2;
  std::int64_t unit_bytes = zero_at + (is.zeros ? groups * kRows : 0);
  std::int64_t row_scales_at = divide_up(n, kRows) * units * unit_bytes;

  std::int64_t bytes() const { return row_scales_at + (is.group > 0 ? 0 : 2 * n); }
  // Where a row lies: for SwiGLU 8 rows of the gate and 8 of the up projection take turns.
  std::int64_t place(std::int64_t row) const {
    if (!gate_and_up) return row;
    const std::int64_t column = row % (n / 2);
    return column / 8 * 16 + column % 8 + (row < n / 2 ? 0 : 8);
  }
  std::int64_t unit_at(std::int64_t place, std::int64_t k_at) const {
    return (place / kRows * units + k_at / kUnit) * unit_bytes;
  }
  // Byte of element (row at `place`, k_at); for 4 bits, `high` says which nibble.
  std::int64_t weight_byte(std::int64_t place, std::int64_t k_at, bool* high) const {
    const std::int64_t g = place % 8, half = place % 16 / 8;
    const std::int64_t j = k_at % kUnit / 32, t = k_at % 32 / 8, e = k_at % 8;
    const std::int64_t lane =
        unit_at(place, k_at) + place % kRows / 16 * tile_bytes + (4 * g + t) * 16;
    if (is.bits == 8) {
      constexpr std::int64_t kByte[4] = {0, 2, 1, 3};
      *high = false;
      return lane + j * 512 + (2 * (e / 4) + half) * 4 + kByte[e % 4];
    }
    const std::int64_t nibble = e / 2 + 4 * (e % 2);
    *high = nibble % 2 != 0;
    return lane + j / 2 * 512 + (2 * (j % 2) + half) * 4 + nibble / 2;
  }
  // Number of a row's scale and zero point in their parts of a unit.
  std::int64_t scale_index(std::int64_t place, std::int64_t k_at) const {
    return k_at % kUnit / is.group * kRows + place % kRows / 16 * 16 + 2 * (place % 8) +
           place % 16 / 8;
  }
};

[[noreturn]] void refuse(const std::string& what, Format format) {
  throw Error(what, "weights as " + std::string(facts(format).name),
              "see kernels/gemv_quantized_cuda/pack.h for the sizes of each format");
}

void check_shape(const Layout& layout) {
  const std::int64_t step = layout.is.group > 0 ? layout.is.group : 8;
  if (layout.n < 1 || layout.k < 1 || layout.k % step != 0) {
    refuse("n is " + std::to_string(layout.n) + " and k " + std::to_string(layout.k) +
               ", which is no positive multiple of " + std::to_string(step),
           layout.format);
  }
  if (layout.gate_and_up && layout.n % 16 != 0) {
    refuse("gate and up rows are " + std::to_string(layout.n) + ", no multiple of 16",
           layout.format);
  }
}

// Padding only: scales are 0; 4 bits without zero points have 8 in each nibble.
std::vector<std::uint8_t> empty(const Layout& layout) {
  std::vector<std::uint8_t> packed(static_cast<std::size_t>(layout.bytes()));
  if (layout.is.bits == 8 || layout.is.zeros) return packed;
  for (std::int64_t at = 0; at < layout.row_scales_at; at += layout.unit_bytes) {
    std::memset(packed.data() + at, 0x88, static_cast<std::size_t>(layout.scale_at));
  }
  return packed;
}

void put_element(const Layout& layout, std::int64_t place, std::int64_t at, unsigned q,
                 std::vector<std::uint8_t>& packed) {
  bool high = false;
  std::uint8_t& byte = packed[static_cast<std::size_t>(layout.weight_byte(place, at, &high))];
  if (layout.is.bits == 8) {
    byte = static_cast<std::uint8_t>(q);
  } else if (high) {
    byte = static_cast<std::uint8_t>((byte & 0x0fU) | q << 4);
  } else {
    byte = static_cast<std::uint8_t>((byte & 0xf0U) | q);
  }
}

void put_scale(const Layout& layout, std::int64_t row, std::int64_t at, std::uint16_t half,
               std::vector<std::uint8_t>& packed) {
  const std::int64_t place = layout.place(row);
  const std::int64_t byte = layout.is.group == 0 ? layout.row_scales_at + 2 * row
                                                 : layout.unit_at(place, at) + layout.scale_at +
                                                       2 * layout.scale_index(place, at);
  std::memcpy(packed.data() + byte, &half, sizeof(half));
}

}  // namespace

FormatFacts facts(Format format) {
  switch (format) {
    case Format::kInt8Channel:
      return {"int8, a scale for each row", 8, 0, false};
    case Format::kInt8Group128:
      return {"int8, groups of 128", 8, 128, false};
    case Format::kInt8Group32:
      return {"int8, groups of 32 (Q8_0)", 8, 32, false};
    case Format::kInt4Group128:
      return {"int4, groups of 128", 4, 128, false};
    case Format::kInt4Group128Zeros:
      return {"int4, groups of 128 with zero points", 4, 128, true};
    case Format::kInt4Group32:
      return {"int4, groups of 32 (Q4_0)", 4, 32, false};
  }
  check(false, "unknown weight format");
  return {};
}

std::int64_t packed_bytes(Format format, std::int64_t n, std::int64_t k) {
  return Layout{format, n, k, false}.bytes();
}

std::vector<std::uint8_t> pack(Format format, const Plain& plain) {
  const Layout layout{format, plain.n, plain.k, plain.gate_and_up};
  check_shape(layout);
  const std::int64_t group = layout.is.group > 0 ? layout.is.group : plain.k;
  const std::int64_t groups = plain.k / group;
  const auto scales = static_cast<std::size_t>(plain.n * groups);
  if (plain.q.size() != static_cast<std::size_t>(plain.n * plain.k * layout.is.bits / 8) ||
      plain.scales.size() != scales || plain.zeros.size() != (layout.is.zeros ? scales : 0)) {
    refuse(std::to_string(plain.q.size()) + " bytes, " + std::to_string(plain.scales.size()) +
               " scales and " + std::to_string(plain.zeros.size()) + " zero points for " +
               std::to_string(plain.n) + " x " + std::to_string(plain.k),
           format);
  }
  std::vector<std::uint8_t> packed = empty(layout);
  for (std::int64_t row = 0; row < plain.n; ++row) {
    const std::int64_t place = layout.place(row);
    for (std::int64_t at = 0; at < plain.k; ++at) {
      const std::int64_t index = row * plain.k + at;
      unsigned q = 0;
      if (layout.is.bits == 8) {
        q = plain.q[static_cast<std::size_t>(index)];
      } else {
        q = plain.q[static_cast<std::size_t>(index / 2)] >> (4 * (index % 2)) & 0xfU;
      }
      put_element(layout, place, at, q, packed);
    }
    for (std::int64_t i = 0; i < groups; ++i) {
      const auto index = static_cast<std::size_t>(row * groups + i);
      const std::uint16_t half = half_bits(plain.scales[index]);
      if ((half & 0x7c00U) == 0x7c00U) {
        refuse("scale " + std::to_string(plain.scales[index]) + " is not finite in IEEE half",
               format);
      }
      put_scale(layout, row, i * group, half, packed);
      if (!layout.is.zeros) continue;
      if (plain.zeros[index] > 15) {
        refuse("zero point " + std::to_string(plain.zeros[index]) + " is above 15", format);
      }
      packed[static_cast<std::size_t>(layout.unit_at(place, i * group) + layout.zero_at +
                                      layout.scale_index(place, i * group))] = plain.zeros[index];
    }
  }
  return packed;
}

std::vector<std::uint8_t> pack_gguf(Format format, std::int64_t n, std::int64_t k,
                                    std::span<const std::uint8_t> blocks, bool gate_and_up) {
  const Layout layout{format, n, k, gate_and_up};
  check_shape(layout);
  if (layout.is.group != 32) refuse("no GGUF type has these groups", format);
  const std::int64_t block_bytes = 2 + 32 * layout.is.bits / 8;
  if (blocks.size() != static_cast<std::size_t>(n * (k / 32) * block_bytes)) {
    refuse(std::to_string(blocks.size()) + " bytes of blocks for " + std::to_string(n) + " x " +
               std::to_string(k),
           format);
  }
  std::vector<std::uint8_t> packed = empty(layout);
  const std::uint8_t* block = blocks.data();
  for (std::int64_t row = 0; row < n; ++row) {
    const std::int64_t place = layout.place(row);
    for (std::int64_t at = 0; at < k; at += 32, block += block_bytes) {
      std::uint16_t half = 0;
      std::memcpy(&half, block, sizeof(half));
      put_scale(layout, row, at, half, packed);
      for (std::int64_t i = 0; i < 32; ++i) {
        const unsigned q =
            layout.is.bits == 8 ? block[2 + i] : block[2 + i % 16] >> (i / 16 * 4) & 0xfU;
        put_element(layout, place, at + i, q, packed);
      }
    }
  }
  return packed;
}

std::uint16_t half_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  const float size = std::fabs(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00U);
  if (size >= 65520.0F) return static_cast<std::uint16_t>(sign | 0x7c00U);
  if (size < 0x1p-14F) {  // subnormal: multiples of 2^-24
    const auto steps = static_cast<std::uint32_t>(std::nearbyint(size * 0x1p24F));
    return static_cast<std::uint16_t>(sign | steps);
  }
  const std::uint32_t magnitude = (bits & 0x7fffffffU) - (112U << 23);
  return static_cast<std::uint16_t>(sign | ((magnitude + 0xfffU + (magnitude >> 13 & 1U)) >> 13));
}

float half_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const float mantissa = static_cast<float>(bits & 0x3ffU);
  float size = 0.0F;
  if (exponent == 31) {
    size = mantissa == 0.0F ? INFINITY : NAN;
  } else if (exponent == 0) {
    size = mantissa * 0x1p-24F;
  } else {
    size = std::ldexp(1024.0F + mantissa, exponent - 25);
  }
  return (bits & 0x8000U) != 0 ? -size : size;
}

}  // namespace aisp::kernels::gemv_quantized_cuda
