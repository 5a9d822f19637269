// Rows of a table by number on the device, and back: the embedding of tokens, its gradient, and
// the sorting of tokens by expert.
//
// Floor: gather reads and writes each row once, over the card's copy bandwidth. Prediction for one
// H200 (copy 4.1 TB/s), 16384 rows of 4096 bf16 from a table of 128256: 268 MB: 65 us.
// Reading order: this contract, gather.cu. Source: PyTorch 2.11, torch.nn.functional.embedding and
// Tensor.index_add_, for what is customary.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "machine/device.h"

namespace aisp::kernels::gather_cuda {

/// out[i] = table[ids[i]], i < count; rows of row_bytes (a multiple of element_bytes: 1, 2 or 4),
/// tight, moved as bits. An id outside 0..table_rows-1 gives a row of zeros. Any alignment of an
/// element; packs of 16 bytes when the pointers and row_bytes allow them. Bytes: count rows twice.
struct Gather {
  int element_bytes = 2;
  std::int64_t row_bytes = 0;
  std::int64_t table_rows = 0;
  std::int64_t count = 0;
  const void* table = nullptr;
  const std::int32_t* ids = nullptr;
  void* out = nullptr;
  machine::CudaStream stream = nullptr;
};
/// Enqueues; throws Error when the launch fails.
void gather(const Gather& request);

/// table[ids[i]] += rows[i] in f32; rows count x n of `type` (kF32 or kBF16), table f32, tight. Ids
/// outside the table are left out. Any alignment of an element.
/// order = nullptr: atomic additions, whose order and so the last bits change from run to run.
/// Else order is a permutation of 0..count-1 by which the ids ascend, equal ones by position: each
/// sum is then made by one block in that order, and has the same bits every time; an id that occurs
/// k times takes k rows one after the other. Error per element: (k + 1) u times the sum of sizes.
struct ScatterAdd {
  DType type = DType::kBF16;
  std::int64_t n = 0;
  std::int64_t table_rows = 0;
  std::int64_t count = 0;
  const void* rows = nullptr;
  const std::int32_t* ids = nullptr;
  const std::int32_t* order = nullptr;
  float* table = nullptr;
  machine::CudaStream stream = nullptr;
};
void scatter_add(const ScatterAdd& request);

struct Variant {
  std::string_view name;
  void (*gather)(const Gather&, int unit_bytes);  // null in a build without CUDA
  void (*scatter_add)(const ScatterAdd&, bool aligned);
  /// "" or why it cannot run on `device`.
  std::string why_not(const machine::CudaDevice& device) const;
};
/// Listed in every build.
std::span<const Variant> variants();

}  // namespace aisp::kernels::gather_cuda
