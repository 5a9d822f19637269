// Packs: 16 bytes of a row as a thread holds them, and their elements as floats. Every kernel that
// is bound by memory moves packs and computes on floats, so storage types appear here alone.
//
// 16 bytes is the widest access of one thread on sm_80 to sm_90: a warp asks for 512 bytes with one
// instruction. Source: CUDA C++ Programming Guide 13.0, device memory accesses.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include <cstdint>

#include "kernels/cuda/pack.cuh"

namespace aisp::kernels::cuda {

using Bf16 = __nv_bfloat16;
using E4m3 = __nv_fp8_e4m3;
using Int8 = std::int8_t;

/// Elements of T in 16 bytes.
template <class T>
inline constexpr int kLanes = 16 / static_cast<int>(sizeof(T));

/// kCount elements of T in registers, as 32-bit words.
template <class T, int kCount>
struct Pack {
  static constexpr int kWords = kCount * static_cast<int>(sizeof(T)) / 4;
  static_assert(kWords == 1 || kWords == 2 || kWords % 4 == 0);
  std::uint32_t word[kWords];
};

/// The address is aligned to the pack, or to 16 bytes where the pack is larger.
template <class T, int kCount>
__device__ inline Pack<T, kCount> load_pack(const T* from) {
  Pack<T, kCount> pack;
  if constexpr (Pack<T, kCount>::kWords == 1) {
    pack.word[0] = *reinterpret_cast<const std::uint32_t*>(from);
  } else if constexpr (Pack<T, kCount>::kWords == 2) {
    const uint2 two = *reinterpret_cast<const uint2*>(from);
    pack.word[0] = two.x, pack.word[1] = two.y;
  } else {
#pragma unroll
    for (int i = 0; i < Pack<T, kCount>::kWords / 4; ++i) {
      const uint4 four = reinterpret_cast<const uint4*>(from)[i];
      pack.word[4 * i] = four.x, pack.word[4 * i + 1] = four.y;
      pack.word[4 * i + 2] = four.z, pack.word[4 * i + 3] = four.w;
    }
  }
  return pack;
}

template <class T, int kCount>
__device__ inline void store_pack(T* to, const Pack<T, kCount>& pack) {
  if constexpr (Pack<T, kCount>::kWords == 1) {
    *reinterpret_cast<std::uint32_t*>(to) = pack.word[0];
  } else if constexpr (Pack<T, kCount>::kWords == 2) {
    *reinterpret_cast<uint2*>(to) = make_uint2(pack.word[0], pack.word[1]);
  } else {
#pragma unroll
    for (int i = 0; i < Pack<T, kCount>::kWords / 4; ++i) {
      reinterpret_cast<uint4*>(to)[i] = make_uint4(pack.word[4 * i], pack.word[4 * i + 1],
                                                   pack.word[4 * i + 2], pack.word[4 * i + 3]);
    }
  }
}

/// One word as its elements. int8 and e4m3 without their scale.
template <class T>
__device__ inline void word_to_floats(std::uint32_t word, float* out) {
  if constexpr (sizeof(T) == 4) {
    out[0] = __uint_as_float(word);
  } else if constexpr (sizeof(T) == 2) {
    out[0] = bf16_low(word), out[1] = bf16_high(word);
  } else if constexpr (std::is_same_v<T, Int8>) {
#pragma unroll
    for (int i = 0; i < 4; ++i) out[i] = static_cast<float>(static_cast<Int8>(word >> (8 * i)));
  } else {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const auto two = static_cast<__nv_fp8x2_storage_t>(word >> (16 * i));
      const float2 pair = __half22float2(__half2(__nv_cvt_fp8x2_to_halfraw2(two, __NV_E4M3)));
      out[2 * i] = pair.x, out[2 * i + 1] = pair.y;
    }
  }
}

/// Round to nearest even; e4m3 saturates at -448..448. int8: of values within -127.5..127.5; it has
/// no NaN, and a quantiser's scale says it instead.
template <class T>
__device__ inline std::uint32_t word_of_floats(const float* in) {
  if constexpr (sizeof(T) == 4) {
    return __float_as_uint(in[0]);
  } else if constexpr (sizeof(T) == 2) {
    return pack_bf16(in[0], in[1]);
  } else if constexpr (std::is_same_v<T, Int8>) {
    // 1.5 * 2^23 added rounds to a whole number whose low byte is the element: at full rate, where
    // a conversion runs at an eighth.
    std::uint32_t byte[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      byte[i] = __float_as_uint(in[i] + 12582912.0F);
    }
    const std::uint32_t word = __byte_perm(__byte_perm(byte[0], byte[1], 0x0040),
                                           __byte_perm(byte[2], byte[3], 0x0040), 0x5410);
    return word;
  } else {
    const auto low = __nv_cvt_float2_to_fp8x2(make_float2(in[0], in[1]), __NV_SATFINITE, __NV_E4M3);
    const auto high =
        __nv_cvt_float2_to_fp8x2(make_float2(in[2], in[3]), __NV_SATFINITE, __NV_E4M3);
    return low | static_cast<std::uint32_t>(high) << 16;
  }
}

template <class T, int kCount>
__device__ inline void to_floats(const Pack<T, kCount>& pack, float (&out)[kCount]) {
  constexpr int kEach = 4 / static_cast<int>(sizeof(T));
#pragma unroll
  for (int i = 0; i < Pack<T, kCount>::kWords; ++i) {
    word_to_floats<T>(pack.word[i], out + i * kEach);
  }
}

template <class T, int kCount>
__device__ inline Pack<T, kCount> of_floats(const float (&in)[kCount]) {
  constexpr int kEach = 4 / static_cast<int>(sizeof(T));
  Pack<T, kCount> pack;
#pragma unroll
  for (int i = 0; i < Pack<T, kCount>::kWords; ++i) {
    pack.word[i] = word_of_floats<T>(in + i * kEach);
  }
  return pack;
}

/// The values that storage in T leaves of `values`.
template <class T, int kCount>
__device__ inline void round_to(float (&values)[kCount]) {
  to_floats(of_floats<T>(values), values);
}

/// The bits of one element, for rows that packs do not fit.
template <int kBytes>
struct BitsOf;
template <>
struct BitsOf<1> {
  using Type = std::uint8_t;
};
template <>
struct BitsOf<2> {
  using Type = std::uint16_t;
};
template <>
struct BitsOf<4> {
  using Type = std::uint32_t;
};
template <class T>
using Bits = typename BitsOf<static_cast<int>(sizeof(T))>::Type;

/// One element at a time, `stride` elements apart, those at and beyond `n` not read: `fill`.
template <class T, int kCount>
__device__ inline Pack<T, kCount> load_elements(const T* from, int first, int stride, int n,
                                                std::uint32_t fill) {
  constexpr int kEach = 4 / static_cast<int>(sizeof(T)), kBits = 8 * static_cast<int>(sizeof(T));
  Pack<T, kCount> pack;
#pragma unroll
  for (int i = 0; i < Pack<T, kCount>::kWords; ++i) {
    std::uint32_t word = 0;
#pragma unroll
    for (int j = 0; j < kEach; ++j) {
      const int at = first + (i * kEach + j) * stride;
      const std::uint32_t bits = at < n ? reinterpret_cast<const Bits<T>*>(from)[at]
                                        : static_cast<Bits<T>>(fill >> (j * kBits % 32));
      word |= bits << (j * kBits % 32);
    }
    pack.word[i] = word;
  }
  return pack;
}

template <class T, int kCount>
__device__ inline void store_elements(T* to, int first, int stride, int n,
                                      const Pack<T, kCount>& pack) {
  constexpr int kEach = 4 / static_cast<int>(sizeof(T)), kBits = 8 * static_cast<int>(sizeof(T));
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    const int at = first + i * stride;
    if (at < n) {
      reinterpret_cast<Bits<T>*>(to)[at] =
          static_cast<Bits<T>>(pack.word[i / kEach] >> (i % kEach * kBits));
    }
  }
}

}  // namespace aisp::kernels::cuda
