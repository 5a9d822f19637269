// The host's side of the copy engine (tma.cuh): a tensor map says where a tensor lies, which box of
// it one copy moves and how the box is swizzled in shared memory. It holds the pointer: make it at
// every launch (about a microsecond), pass it as `const __grid_constant__ CUtensorMap`.
//
// Source: CUDA Driver API 13.0, tensor map object management.
#pragma once

#include <cuda.h>

#include <array>
#include <cstdint>

namespace aisp::kernels::cuda {

enum class MapElement { kU8, kBF16, kF16, kF32, kI32, kTf32 };  // e4m3 is kU8: it is only moved;
                                                                // kTf32 rounds f32 while it loads
enum class MapSwizzle { kNone, k32, k64, k128 };

/// Dimensions innermost first: {K, M} for a row-major A[M, K].
struct TensorMapSpec {
  const void* data = nullptr;  // 16-byte aligned
  MapElement element = MapElement::kBF16;
  int rank = 2;                            // 1 to 5
  std::array<std::uint64_t, 5> sizes{};    // elements
  std::array<std::uint64_t, 5> strides{};  // bytes between neighbours along each dimension but the
                                           // innermost ([0] is ignored); multiples of 16
  std::array<std::uint32_t, 5> box{};      // elements, at most 256 each; box[0] in bytes a multiple
                                           // of 16 and at most the swizzle's width
  MapSwizzle swizzle = MapSwizzle::k128;
  int fetch_bytes = 256;  // into L2 at once, 128 or 256: 256 where a box's neighbours come soon
};

/// Throws Error when the driver refuses (unaligned, too large a box, no driver that knows TMA).
CUtensorMap make_tensor_map(const TensorMapSpec& spec);

/// Rows of `cols` elements, `row_bytes` apart.
inline TensorMapSpec rows_of(const void* data, MapElement element, std::int64_t rows,
                             std::int64_t cols, std::int64_t row_bytes, int box_rows, int box_cols,
                             MapSwizzle swizzle = MapSwizzle::k128) {
  TensorMapSpec spec;
  spec.data = data;
  spec.element = element;
  spec.sizes = {static_cast<std::uint64_t>(cols), static_cast<std::uint64_t>(rows)};
  spec.strides = {0, static_cast<std::uint64_t>(row_bytes)};
  spec.box = {static_cast<std::uint32_t>(box_cols), static_cast<std::uint32_t>(box_rows)};
  spec.swizzle = swizzle;
  return spec;
}

}  // namespace aisp::kernels::cuda
