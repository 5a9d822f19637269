// The vector of any machine: four lanes in the compiler's vector extension, products in plain
// loops. Slow and right; a multiply-add of floats rounds twice.
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/dtype.h"
#include "kernels/linear/layout.h"
#include "kernels/linear/simd.h"
#include "kernels/simd/vectors.h"

namespace aisp::kernels::linear::portable {
namespace {

struct V {
  static constexpr int kWidth = 4;
  using Int = std::int32_t __attribute__((vector_size(16)));
  using Float = float __attribute__((vector_size(16)));
  static Int load(const std::byte* at) {
    Int value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  static Int zero() { return Int{}; }
  static Int broadcast(const std::byte* at) {
    std::int32_t word;
    std::memcpy(&word, at, 4);
    return Int{} + word;
  }
  static Int start(const std::byte*) { return zero(); }
  template <bool kSigned>
  static Int dot(Int sum, Int w, Int x) {
    std::uint8_t a[16];
    std::int8_t b[16];
    std::memcpy(a, &w, 16);
    std::memcpy(b, &x, 16);
    for (int i = 0; i < 16; ++i) sum[i / 4] += (a[i] - (kSigned ? 128 : 0)) * b[i];
    return sum;
  }
  template <int kBy, int kMask>
  static Int left(Int a) {
    return (a << kBy) & (Int{} + static_cast<std::int32_t>(0x01010101u * kMask));
  }
  template <int kBy, int kMask>
  static Int right(Int a) {
    return (a >> kBy) & (Int{} + static_cast<std::int32_t>(0x01010101u * kMask));
  }
  static Int either(Int a, Int b) { return a | b; }
  static void widen(Int a, Float& low, Float& high) {
    low = reinterpret_cast<Float>(a << 16);
    high = reinterpret_cast<Float>(a & (Int{} + static_cast<std::int32_t>(0xffff0000u)));
  }
  static Float to_float(Int a) { return __builtin_convertvector(a, Float); }
  static Float set1(float a) { return Float{} + a; }
  static Float broadcast_float(const std::byte* at) {
    return reinterpret_cast<Float>(broadcast(at));
  }
  static Float load_float(const std::byte* at) { return reinterpret_cast<Float>(load(at)); }
  static Float halfs(const std::byte* at) {
    Float value;
    for (int i = 0; i < 4; ++i) {
      f16 half;
      std::memcpy(&half.bits, at + 2 * i, 2);
      value[i] = static_cast<float>(half);
    }
    return value;
  }
  static Float unsigned_bytes(const std::byte* at) {
    Float value;
    for (int i = 0; i < 4; ++i) value[i] = static_cast<float>(static_cast<std::uint8_t>(at[i]));
    return value;
  }
  static Float signed_bytes(const std::byte* at) {
    Float value;
    for (int i = 0; i < 4; ++i) value[i] = static_cast<float>(static_cast<std::int8_t>(at[i]));
    return value;
  }
  static Float mul(Float a, Float b) { return a * b; }
  static Float add(Float a, Float b) { return a + b; }
  static Float sub(Float a, Float b) { return a - b; }
  static Float fma(Float a, Float b, Float c) { return a * b + c; }
  static Float load_sums(const float* at) {
    return load_float(reinterpret_cast<const std::byte*>(at));
  }
  static void store(float* at, Float a) { std::memcpy(at, &a, sizeof(a)); }
  static std::int32_t largest_magnitude(const float* from) {
    std::int32_t most = 0;
    for (int i = 0; i < 32; ++i) {
      const std::int32_t magnitude = __builtin_bit_cast(std::int32_t, from[i]) & 0x7fffffff;
      most = magnitude > most ? magnitude : most;
    }
    return most;
  }
  // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits.
  static void round(const float* from, float inverse, std::byte* to, std::int32_t& first,
                    std::int32_t& second) {
    first = second = 0;
    for (int i = 0; i < 32; ++i) {
      const float shifted = from[i] * inverse + 12582912.0f;
      const auto q = static_cast<std::int8_t>(__builtin_bit_cast(std::uint32_t, shifted));
      (i < 16 ? first : second) += q;
      to[i] = static_cast<std::byte>(q);
    }
  }
};
using F = simd::portable::V;
constexpr int kRows = 2, kFloatRows = 2;
#include "kernels/linear/simd.inc"

}  // namespace

Variant functions() { return filled(); }

}  // namespace aisp::kernels::linear::portable
