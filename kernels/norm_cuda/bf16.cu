// The kernels of norm.cuh for rows of bf16: a file of its own halves the time to build.
//
// Source: see norm.h.
#include "kernels/norm_cuda/norm.cuh"
#include "kernels/norm_cuda/run.h"

namespace aisp::kernels::norm_cuda {

void run_bf16(const Request& request, const RowConfig& config) {
  if (request.kind == Kind::kLayer) return run_layer<Bf16>(request, config);
  switch (request.output) {
    case Output::kSame:
      return run_rms<Bf16, Bf16>(request, config);
    case Output::kInt8:
      return run_rms<Bf16, Int8>(request, config);
    case Output::kFp8E4m3:
      return run_rms<Bf16, E4m3>(request, config);
  }
}
void run_backward_bf16(const Backward& request, const RowConfig& config) {
  run_backward_as<Bf16>(request, config);
}

}  // namespace aisp::kernels::norm_cuda
