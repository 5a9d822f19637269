// The table of device implementations and the checks of gather.h.
//
// Source: see gather.h.
#include <array>

#include "base/check.h"
#include "kernels/cuda/grid.h"
#include "kernels/gather_cuda/run.h"

namespace aisp::kernels::gather_cuda {

std::string Variant::why_not(const machine::CudaDevice& device) const {
  return gather == nullptr ? "this build has no device code" : device.needs(8);
}

std::span<const Variant> variants() {
  static const std::array<Variant, 1> table = {
      {{"packs", AISP_DEVICE(run_gather), AISP_DEVICE(run_scatter_add)}}};
  return table;
}

void gather(const Gather& r) {
  check(r.element_bytes == 1 || r.element_bytes == 2 || r.element_bytes == 4,
        "gather: elements of 1, 2 or 4 bytes");
  check(r.row_bytes > 0 && r.row_bytes % r.element_bytes == 0, "gather: rows of whole elements");
  if (r.count == 0) return;
  const bool whole =
      cuda::fits_packs(r.table, r.row_bytes, 1, 16) && cuda::fits_packs(r.out, r.row_bytes, 1, 16);
  variants().front().gather(r, whole ? 16 : r.element_bytes);
}

void scatter_add(const ScatterAdd& r) {
  check(r.type == DType::kBF16 || r.type == DType::kF32, "scatter_add: rows are bf16 or f32");
  check(r.n >= 1 && r.n < (std::int64_t{1} << 31) - 4096, "scatter_add: length of a row");
  check(r.count < (std::int64_t{1} << 31), "scatter_add: rows are numbered in 32 bits");
  if (r.count == 0) return;
  const bool aligned = cuda::fits_packs(r.table, r.n, 4, 4) &&
                       cuda::fits_packs(r.rows, r.n, r.type == DType::kBF16 ? 2 : 4, 4);
  variants().front().scatter_add(r, aligned);
}

}  // namespace aisp::kernels::gather_cuda
