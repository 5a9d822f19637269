// The table of device implementations and the choice of softmax.h.
//
// Source: see softmax.h.
#include <array>

#include "base/check.h"
#include "kernels/softmax_cuda/run.h"

namespace aisp::kernels::softmax_cuda {

cuda::SoftmaxCut choose_config(const Request& r, const machine::CudaDevice& device) {
  const int bytes = r.type == DType::kBF16 ? 2 : 4;
  const bool aligned = cuda::fits_packs(r.x, r.n, bytes, 16 / bytes) &&
                       cuda::fits_packs(r.y, r.n, bytes, 16 / bytes);
  // Clusters are built for sm_90a alone.
  machine::CudaDevice without = device;
  without.cluster_launch = device.cluster_launch && device.needs_hopper().empty();
  return cuda::choose_softmax_cut(r.rows, r.n, bytes, aligned, true, without);
}

std::string Variant::why_not(const machine::CudaDevice& device) const {
  if (run == nullptr) return "this build has no device code";
  return major == 9 ? device.needs_hopper() : device.needs(major);
}

std::span<const Variant> variants() {
  static const std::array<Variant, 2> table = {{
      {"cluster", 9, AISP_DEVICE(run_cluster)},
      {"block", 8, AISP_DEVICE(run_block)},
  }};
  return table;
}

void softmax(const Request& r) {
  check(r.type == DType::kBF16 || r.type == DType::kF32, "softmax: rows are bf16 or f32");
  check(r.n >= 1 && r.n <= (std::int64_t{1} << 31) - (1 << 20), "softmax: length of a row");
  if (r.rows == 0) return;
  const cuda::SoftmaxCut cut = choose_config(r, machine::cuda_device());
  variants()[cut.cluster > 1 ? 0 : 1].run(r, cut);
}

}  // namespace aisp::kernels::softmax_cuda
