// The table of device implementations and the choice of transpose.h.
//
// Source: see transpose.h.
#include <array>

#include "base/check.h"
#include "kernels/cuda/grid.h"
#include "kernels/transpose_cuda/run.h"

namespace aisp::kernels::transpose_cuda {
namespace {

Request with_strides(Request r) {
  check(r.element_bytes == 2 || r.element_bytes == 4, "transpose: elements of 2 or 4 bytes");
  if (r.in_stride == 0) r.in_stride = r.cols;
  if (r.out_stride == 0) r.out_stride = r.rows;
  check(r.in_stride >= r.cols && r.out_stride >= r.rows,
        "transpose: a row stride is smaller than the row");
  return r;
}

}  // namespace

std::string Variant::why_not(const machine::CudaDevice& device) const {
  return run == nullptr ? "this build has no device code" : device.needs(8);
}

std::span<const Variant> variants() {
  static const std::array<Variant, 2> table = {{
      {"registers", AISP_DEVICE(run_registers), true},
      {"tile", AISP_DEVICE(run_tile), false},
  }};
  return table;
}

const Variant& choose_variant(const Request& request) {
  const Request r = with_strides(request);
  const int lanes = 16 / r.element_bytes;
  const bool whole = cuda::fits_packs(r.in, r.cols, r.element_bytes, lanes) &&
                     cuda::fits_packs(r.out, r.rows, r.element_bytes, lanes) &&
                     r.in_stride % lanes == 0 && r.out_stride % lanes == 0;
  return variants()[whole ? 0 : 1];
}

void transpose(const Request& request) {
  if (request.rows == 0 || request.cols == 0) return;
  choose_variant(request).run(with_strides(request));
}

}  // namespace aisp::kernels::transpose_cuda
