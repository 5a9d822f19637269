// The table of device implementations and the choice of cross_entropy.h.
//
// Source: see cross_entropy.h.
#include <array>

#include "base/check.h"
#include "kernels/cross_entropy_cuda/run.h"

namespace aisp::kernels::cross_entropy_cuda {
namespace {

void check_request(const Request& r) {
  check(r.type == DType::kBF16 || r.type == DType::kF32, "cross_entropy: bf16 or f32");
  check(r.n >= 1 && r.n <= (std::int64_t{1} << 31) - (1 << 20), "cross_entropy: vocabulary");
  check(r.smoothing >= 0.0F && r.smoothing <= 1.0F, "cross_entropy: smoothing is of 0..1");
}

const Variant& variant_of(const cuda::SoftmaxCut& cut) {
  return variants()[cut.cluster > 1 ? 0 : 1];
}

}  // namespace

cuda::SoftmaxCut choose_config(const Request& r, const machine::CudaDevice& device) {
  const int bytes = r.type == DType::kBF16 ? 2 : 4;
  const bool aligned = cuda::fits_packs(r.logits, r.n, bytes, 16 / bytes) &&
                       cuda::fits_packs(r.gradient, r.n, bytes, 16 / bytes);
  // Clusters are built for sm_90a alone.
  machine::CudaDevice without = device;
  without.cluster_launch = device.cluster_launch && device.needs_hopper().empty();
  return cuda::choose_softmax_cut(r.rows, r.n, bytes, aligned, r.gradient != nullptr, without);
}

std::string Variant::why_not(const machine::CudaDevice& device) const {
  if (run == nullptr) return "this build has no device code";
  return major == 9 ? device.needs_hopper() : device.needs(major);
}

std::span<const Variant> variants() {
  static const std::array<Variant, 2> table = {{
      {"cluster", 9, AISP_DEVICE(run_cluster), AISP_DEVICE(run_cluster_backward)},
      {"block", 8, AISP_DEVICE(run_block), AISP_DEVICE(run_block_backward)},
  }};
  return table;
}

void cross_entropy(const Request& r) {
  check_request(r);
  if (r.rows == 0) return;
  const cuda::SoftmaxCut cut = choose_config(r, machine::cuda_device());
  variant_of(cut).run(r, cut);
}

void backward(const Request& r, const float* row_factor) {
  check_request(r);
  check(r.lse != nullptr && r.gradient != nullptr, "cross_entropy: backward needs lse, gradient");
  if (r.rows == 0) return;
  const cuda::SoftmaxCut cut = choose_config(r, machine::cuda_device());
  variant_of(cut).run_backward(r, row_factor, cut);
}

void inverse_count(const std::int32_t* labels, std::int64_t rows, std::int32_t ignore, float* out,
                   machine::CudaStream stream) {
  using Run =
      void (*)(const std::int32_t*, std::int64_t, std::int32_t, float*, machine::CudaStream);
  const Run run = AISP_DEVICE(run_inverse_count);
  run(labels, rows, ignore, out, stream);
}

void scaled_sum(const float* loss, std::int64_t rows, const float* factor, float* out,
                machine::CudaStream stream) {
  using Run = void (*)(const float*, std::int64_t, const float*, float*, machine::CudaStream);
  const Run run = AISP_DEVICE(run_scaled_sum);
  run(loss, rows, factor, out, stream);
}

}  // namespace aisp::kernels::cross_entropy_cuda
