// Any architecture: the compiler's 4-wide vectors of f32 (SSE2, NEON). A product of 8-bit numbers
// is at most 255 * 128 = 32640 in magnitude, so sums of 512 of them stay below 2^24, where f32
// still holds every integer: a pass over at most 512 words is exact, and passes add up in integers.
// The tile is that of kernels/gemm's portable variant; integer multiplication would be slower, SSE2
// has none for 32 bits.
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/gemm/parts.h"
#include "kernels/gemm_int8/simd.h"

namespace aisp::kernels::gemm_int8::portable {
namespace {

using gemm::RowSplit;
using gemm::split_rows;

struct V {
  static constexpr int kWidth = 4;
  static constexpr int kGroup = 1;
  static constexpr std::int64_t kMostWords = 512;
  static constexpr bool kStartRow = false;
  using In = float;
  using Out = std::int32_t;
  using Reg = float __attribute__((vector_size(16)));
  // Unsigned: adding passes may wrap, as the contract says.
  using Sums = std::uint32_t __attribute__((vector_size(16)));
  using Signed = std::int32_t __attribute__((vector_size(16)));
  using Mask = std::int64_t;
  static Mask mask(std::int64_t count) { return count; }
  static Reg start(const In*) { return Reg{}; }
  static Reg load(const In* at) {
    Reg value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  static Reg load(const In* at, Mask count) {
    Reg value{};
    for (int i = 0; i < kWidth && i < count; ++i) value[i] = at[i];
    return value;
  }
  static Sums load(const Out* at) {
    Sums value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  static Sums load(const Out* at, Mask count) {
    Sums value{};
    std::memcpy(&value, at, static_cast<std::size_t>(count < kWidth ? count : kWidth) * 4);
    return value;
  }
  static void store(Out* at, Sums value) { std::memcpy(at, &value, sizeof(value)); }
  static void store(Out* at, Sums value, Mask count) {
    std::memcpy(at, &value, static_cast<std::size_t>(count < kWidth ? count : kWidth) * 4);
  }
  static Sums result(Reg sum) {
    return reinterpret_cast<Sums>(__builtin_convertvector(sum, Signed));
  }
  static Reg broadcast(const In* at) { return Reg{*at, *at, *at, *at}; }
  static Sums add(Sums x, Sums y) { return x + y; }
  static Reg fma(Reg x, Reg y, Reg sum) { return x * y + sum; }
};
constexpr int kRows = 6;

template <class T>
struct Rows {
  using Element = T;
  using Word = float;
  using Four = float __attribute__((vector_size(16), aligned(4), may_alias));
  static constexpr std::int64_t kGroup = 1;
  static float one(const T* at) { return static_cast<float>(*at); }
  static Four four(const T* at) { return Four{one(at), one(at + 1), one(at + 2), one(at + 3)}; }
};
using UnsignedRows = Rows<std::uint8_t>;
using SignedRows = Rows<std::int8_t>;

struct Columns {
  static constexpr std::int64_t kColumns = 4;
  static void words(const std::int8_t* b, std::int64_t, float* to) {
    for (int i = 0; i < 4; ++i) to[i] = static_cast<float>(b[i]);
  }
};

inline void write_start_row(float*, std::int64_t, AType) {}  // no start row

#include "kernels/gemm_int8/simd.inc"

}  // namespace

Variant functions() { return filled(); }

}  // namespace aisp::kernels::gemm_int8::portable
