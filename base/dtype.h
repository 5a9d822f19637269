// Element types of tensors that cross a contract, with their size and unit roundoff.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace aisp {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI8, kU8, kU16, kU32 };

/// IEEE-754 binary32 with the low 16 bits cut: the storage type of bf16 data.
struct bf16 {
  std::uint16_t bits = 0;
  bf16() = default;
  /// Rounds to nearest even; NaN stays NaN.
  explicit bf16(float value) {
    auto wide = std::bit_cast<std::uint32_t>(value);
    if ((wide & 0x7fffffffu) > 0x7f800000u) {
      bits = static_cast<std::uint16_t>((wide >> 16) | 0x40u);
    } else {
      bits = static_cast<std::uint16_t>((wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16);
    }
  }
  explicit operator float() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

/// IEEE-754 binary16.
struct f16 {
  std::uint16_t bits = 0;
  f16() = default;
  /// Rounds to nearest even; too large becomes infinite; NaN stays NaN.
  explicit f16(float value) {
    auto wide = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = wide >> 16 & 0x8000u;
    wide &= 0x7fffffffu;
    std::uint32_t rest;
    if (wide > 0x7f800000u) {
      rest = 0x7e00u;
    } else if (wide >= 0x477ff000u) {  // 65520, half-way between the largest and the next
      rest = 0x7c00u;
    } else if (wide < 0x38800000u) {  // below 2^-14: a unit is 2^-24, as it is of 0.5f
      rest = std::bit_cast<std::uint32_t>(std::bit_cast<float>(wide) + 0.5f) - 0x3f000000u;
    } else {
      rest = (wide - 0x38000000u + 0xfffu + (wide >> 13 & 1u)) >> 13;
    }
    bits = static_cast<std::uint16_t>(sign | rest);
  }
  explicit operator float() const {
    const std::uint32_t sign = (bits & 0x8000u) << 16, rest = (bits & 0x7fffu) << 13;
    if (rest >= 0x0f800000u) return std::bit_cast<float>(sign | 0x7f800000u | (rest & 0x7fffffu));
    const float magnitude = std::bit_cast<float>(rest) * 0x1p112f;  // exact, subnormals too
    return sign != 0 ? -magnitude : magnitude;
  }
};

constexpr std::size_t size_bytes(DType type) {
  switch (type) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
    case DType::kU32:
      return 4;
    case DType::kF16:
    case DType::kBF16:
    case DType::kU16:
      return 2;
    case DType::kI8:
    case DType::kU8:
      return 1;
  }
  return 0;
}

constexpr std::string_view name(DType type) {
  switch (type) {
    case DType::kF64:
      return "f64";
    case DType::kF32:
      return "f32";
    case DType::kF16:
      return "f16";
    case DType::kBF16:
      return "bf16";
    case DType::kI64:
      return "i64";
    case DType::kI32:
      return "i32";
    case DType::kI8:
      return "i8";
    case DType::kU8:
      return "u8";
    case DType::kU16:
      return "u16";
    case DType::kU32:
      return "u32";
  }
  return "?";
}

constexpr std::optional<DType> dtype_of_name(std::string_view text) {
  for (const DType type : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16, DType::kI64,
                           DType::kI32, DType::kI8, DType::kU8, DType::kU16, DType::kU32}) {
    if (name(type) == text) return type;
  }
  return std::nullopt;
}

/// Unit roundoff u: |fl(x) - x| <= u |x|. Zero for integers.
constexpr double unit_roundoff(DType type) {
  switch (type) {
    case DType::kF64:
      return 0x1p-53;
    case DType::kF32:
      return 0x1p-24;
    case DType::kF16:
      return 0x1p-11;
    case DType::kBF16:
      return 0x1p-8;
    default:
      return 0.0;
  }
}

template <class T>
struct dtype_of;
template <>
struct dtype_of<double> {
  static constexpr DType value = DType::kF64;
};
template <>
struct dtype_of<float> {
  static constexpr DType value = DType::kF32;
};
template <>
struct dtype_of<f16> {
  static constexpr DType value = DType::kF16;
};
template <>
struct dtype_of<bf16> {
  static constexpr DType value = DType::kBF16;
};
template <>
struct dtype_of<std::int64_t> {
  static constexpr DType value = DType::kI64;
};
template <>
struct dtype_of<std::int32_t> {
  static constexpr DType value = DType::kI32;
};
template <>
struct dtype_of<std::int8_t> {
  static constexpr DType value = DType::kI8;
};
template <>
struct dtype_of<std::uint8_t> {
  static constexpr DType value = DType::kU8;
};
template <>
struct dtype_of<std::uint16_t> {
  static constexpr DType value = DType::kU16;
};
template <>
struct dtype_of<std::uint32_t> {
  static constexpr DType value = DType::kU32;
};

}  // namespace aisp
