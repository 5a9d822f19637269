// The table of device implementations and the checks of activation.h.
//
// Source: see activation.h.
#include <array>
#include <initializer_list>

#include "base/check.h"
#include "kernels/activation_cuda/run.h"
#include "kernels/cuda/grid.h"

namespace aisp::kernels::activation_cuda {
namespace {

// Strides filled in, and rows that touch each other made one.
Request whole(Request r) {
  check(r.type == DType::kBF16 || r.type == DType::kF32, "activation: bf16 or f32");
  check(r.n >= 1 && r.n < (std::int64_t{1} << 31), "activation: length of a row");
  for (std::int64_t* stride : {&r.a_stride, &r.b_stride, &r.out_stride}) {
    if (*stride == 0) *stride = r.n;
    check(*stride >= r.n, "activation: a row stride is smaller than the row");
  }
  if (r.a_stride == r.n && r.b_stride == r.n && r.out_stride == r.n &&
      r.rows * r.n < (std::int64_t{1} << 31) - 1024) {
    r.n *= r.rows;
    r.rows = 1;
    r.a_stride = r.b_stride = r.out_stride = r.n;
  }
  return r;
}

bool fit(const Request& r, std::initializer_list<const void*> more) {
  const int bytes = r.type == DType::kBF16 ? 2 : 4, lanes = 16 / bytes;
  for (const std::int64_t stride : {r.a_stride, r.b_stride, r.out_stride}) {
    if (r.rows > 1 && stride % lanes != 0) return false;
  }
  for (const void* address : {r.a, r.b, static_cast<const void*>(r.out)}) {
    if (!cuda::fits_packs(address, r.n, bytes, lanes)) return false;
  }
  for (const void* address : more) {
    if (!cuda::fits_packs(address, r.n, bytes, lanes)) return false;
  }
  return true;
}

}  // namespace

std::string Variant::why_not(const machine::CudaDevice& device) const {
  return run == nullptr ? "this build has no device code" : device.needs(8);
}

std::span<const Variant> variants() {
  static const std::array<Variant, 1> table = {
      {{"packs", AISP_DEVICE(activation_cuda::run), AISP_DEVICE(activation_cuda::run_backward)}}};
  return table;
}

void activate(const Request& request) {
  if (request.rows == 0) return;
  const Request r = whole(request);
  check(r.b != nullptr || (r.op != Op::kSwiglu && r.op != Op::kAdd), "activation: two inputs");
  variants().front().run(r, fit(r, {}));
}

void swiglu_backward(const Request& request, const void* dout, void* da, void* db) {
  if (request.rows == 0) return;
  const Request r = whole(request);
  variants().front().run_backward(r, dout, da, db, fit(r, {dout, da, db}));
}

}  // namespace aisp::kernels::activation_cuda
