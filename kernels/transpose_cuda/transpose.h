// Transposition of a matrix on the device: weights for a backward product, layouts at the border of
// a library. A thread transposes a square of 16 x 16 bytes (or 8 x 8 elements of two) in its
// registers, so that reading and writing are both in packs of 16 bytes, and a block exchanges packs
// through shared memory, so that both are in long pieces of a row.
//
// Floor: each byte once in and once out over the card's copy bandwidth. Prediction for one H200
// (copy 4.1 TB/s), 16384 x 8192 bf16, 537 MB: 131 us.
// Reading order: this contract, transpose.cu, variants.cc. Source: G. Ruetsch and P. Micikevicius,
// "Optimizing matrix transpose in CUDA" (2009), for the tile in shared memory of the ragged case.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "machine/device.h"

namespace aisp::kernels::transpose_cuda {

/// out[c][r] = in[r][c] for rows x cols elements of 2 or 4 bytes, moved as bits. Strides are
/// elements from one row to the next, 0: in cols, out rows. No overlap. Device pointers, any
/// alignment of an element.
struct Request {
  int element_bytes = 2;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  const void* in = nullptr;
  void* out = nullptr;
  std::int64_t in_stride = 0;
  std::int64_t out_stride = 0;
  machine::CudaStream stream = nullptr;
};

/// Enqueues; throws Error when the launch fails. Exact. In packs where pointers, strides, rows and
/// cols are whole packs; else element by element through shared memory.
void transpose(const Request& request);

struct Variant {
  std::string_view name;
  void (*run)(const Request&);  // null in a build without CUDA
  bool whole_packs;             // whether it needs them
  /// "" or why it cannot run on `device`.
  std::string why_not(const machine::CudaDevice& device) const;
};
/// "registers", "tile": listed in every build.
std::span<const Variant> variants();
/// Pure: the variant that transpose() takes.
const Variant& choose_variant(const Request& request);

}  // namespace aisp::kernels::transpose_cuda
