// The table of device implementations and the checks of quantize.h.
//
// Source: see quantize.h.
#include <array>

#include "base/check.h"
#include "kernels/quantize_cuda/run.h"

namespace aisp::kernels::quantize_cuda {
namespace {

bool fit(const Request& r) {
  check(r.type == DType::kBF16 || r.type == DType::kF32, "quantize: values are bf16 or f32");
  check(r.n >= 1 && r.n < (std::int64_t{1} << 31) - kGroup, "quantize: length of a row");
  const int bytes = r.type == DType::kBF16 ? 2 : 4, lanes = 16 / bytes;
  return cuda::fits_packs(r.values, r.n, bytes, lanes) &&
         cuda::fits_packs(r.elements, r.n, 1, lanes);
}

}  // namespace

std::string Variant::why_not(const machine::CudaDevice& device) const {
  return quantize == nullptr ? "this build has no device code" : device.needs(8);
}

std::span<const Variant> variants() {
  static const std::array<Variant, 1> table = {
      {{"registers", AISP_DEVICE(run_quantize), AISP_DEVICE(run_dequantize)}}};
  return table;
}

void quantize(const Request& r) {
  if (r.rows > 0) variants().front().quantize(r, fit(r));
}

void dequantize(const Request& r) {
  if (r.rows > 0) variants().front().dequantize(r, fit(r));
}

}  // namespace aisp::kernels::quantize_cuda
