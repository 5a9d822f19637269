// The kernels of norm.cuh for rows of f32.
//
// Source: see norm.h.
#include "kernels/norm_cuda/norm.cuh"
#include "kernels/norm_cuda/run.h"

namespace aisp::kernels::norm_cuda {

void run_f32(const Request& request, const RowConfig& config) {
  if (request.kind == Kind::kLayer) return run_layer<float>(request, config);
  run_rms<float, float>(request, config);
}
void run_backward_f32(const Backward& request, const RowConfig& config) {
  run_backward_as<float>(request, config);
}

}  // namespace aisp::kernels::norm_cuda
