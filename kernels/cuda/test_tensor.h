// Tensors of device tests: random or poisoned device memory at any alignment, guarded on both
// sides, read back as doubles. Tests only.
//
// Source: none; OCP 8-bit floating point specification (2023) for e4m3.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "machine/device.h"

namespace aisp::kernels::cuda {

/// e4m3 (kU8 holds its bits) as a number.
inline double e4m3_value(std::uint8_t bits) {
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  const double sign = bits & 0x80 ? -1.0 : 1.0;
  if (exponent == 15 && mantissa == 7) return std::numeric_limits<double>::quiet_NaN();
  if (exponent == 0) return sign * std::ldexp(mantissa, -9);
  return sign * std::ldexp(8 + mantissa, exponent - 10);
}

/// Half a unit in the last place of an e4m3 near `value`: the largest error of rounding to it.
inline double e4m3_rounding(double value) {
  const int exponent = std::max(-6, std::ilogb(std::max(std::fabs(value), 1e-30)));
  return std::ldexp(1.0, exponent - 4);
}

class TestTensor {
 public:
  /// Poisoned. `offset`: elements past an alignment of 256 bytes.
  TestTensor(DType type, std::int64_t count, int offset = 0)
      : type_(type),
        count_(count),
        at_(kGuard + offset * size_bytes(type)),
        memory_(at_ + count * size_bytes(type) + kGuard) {
    memory_.fill(kPoison);
  }
  /// With values, rounded to the type.
  TestTensor(DType type, const std::vector<double>& values, int offset = 0)
      : TestTensor(type, static_cast<std::int64_t>(values.size()), offset) {
    write(values);
  }
  /// Normal with this mean and deviation.
  static TestTensor random(DType type, std::int64_t count, std::uint64_t seed, int offset = 0,
                           double deviation = 1.0, double mean = 0.0) {
    Rng rng(seed);
    std::vector<double> values(count);
    for (double& value : values) value = mean + deviation * rng.normal();
    return TestTensor(type, values, offset);
  }

  template <class T = void>
  T* data() const {
    return reinterpret_cast<T*>(memory_.as<char>() + at_);
  }
  void write(const std::vector<double>& values) {
    std::vector<char> bytes(count_ * size_bytes(type_));
    for (std::int64_t i = 0; i < count_; ++i) put(bytes.data() + i * size_bytes(type_), values[i]);
    memory_.upload(bytes.data(), bytes.size(), at_);
  }
  /// Fails the test when something was written around the tensor.
  std::vector<double> read() const {
    const auto all = memory_.host<std::uint8_t>();
    const std::size_t end = at_ + count_ * size_bytes(type_);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((i < at_ || i >= end) && all[i] != kPoison) {
        ADD_FAILURE() << "written outside the tensor, byte " << i << " of " << at_ << ".." << end;
        break;
      }
    }
    std::vector<double> values(count_);
    for (std::int64_t i = 0; i < count_; ++i) {
      values[i] = get(all.data() + at_ + i * size_bytes(type_));
    }
    return values;
  }

 private:
  static constexpr std::size_t kGuard = 256;
  static constexpr std::uint8_t kPoison = 0xa5;

  void put(char* to, double value) const {
    if (type_ == DType::kBF16) {
      const bf16 narrow(static_cast<float>(value));
      std::memcpy(to, &narrow, 2);
    } else if (type_ == DType::kF32) {
      const auto narrow = static_cast<float>(value);
      std::memcpy(to, &narrow, 4);
    } else if (type_ == DType::kI64) {
      const auto whole = static_cast<std::int64_t>(value);
      std::memcpy(to, &whole, 8);
    } else if (type_ == DType::kI32) {
      const auto whole = static_cast<std::int32_t>(value);
      std::memcpy(to, &whole, 4);
    } else {
      *to = static_cast<char>(static_cast<int>(value));
    }
  }
  double get(const std::uint8_t* from) const {
    switch (type_) {
      case DType::kBF16: {
        bf16 narrow;
        std::memcpy(&narrow, from, 2);
        return static_cast<float>(narrow);
      }
      case DType::kF32: {
        float narrow;
        std::memcpy(&narrow, from, 4);
        return narrow;
      }
      case DType::kI8:
        return static_cast<std::int8_t>(*from);
      case DType::kU8:
        return e4m3_value(*from);
      default:
        return *from;
    }
  }

  DType type_;
  std::int64_t count_;
  std::size_t at_;
  machine::DeviceArray memory_;
};

/// Element by element: |got - want| <= bound. NaN matches only NaN.
inline void expect_within(const std::vector<double>& got, const std::vector<double>& want,
                          const std::vector<double>& bound, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  const Comparison result = compare(got.data(), DType::kF64, got.size(),
                                    {.value = want, .scale = bound}, {.relative = 1.0});
  EXPECT_TRUE(result.ok()) << what << ": " << describe(result);
}

}  // namespace aisp::kernels::cuda
