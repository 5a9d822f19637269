// No branch on the host: the update is always launched and returns at once when the flag is set, as
// capturable and fused optimizers do. Flags of all steps lie in an array, zeroed once.
// Source: PyTorch, aten/src/ATen/native/cuda/fused_adam_utils.cuh (found_inf_ptr).
#include "labs/ch12_graphs/cuda_graphs_conditional/step_kernels.cuh"

namespace aisp::labs::ch12::cuda_graphs_conditional {
namespace {

__global__ void apply_unless_kernel(const float* g, float* p, std::int64_t n, const int* overflow) {
  if (*overflow == 0) apply_step(g, p, n);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_flag_in_kernel(const bench::Params& params) {
  const auto bytes = sizeof(int) * static_cast<std::size_t>(params["steps"]);
  return bench::plan_of([params, flags = machine::DeviceArray(bytes)](const bench::Io& io) {
    const Call call = call_of(params, io);
    const unsigned grid = grid_of(call.n);
    copy_parameters(io);
    AISP_CUDA(cudaMemsetAsync(flags.as<int>(), 0, flags.bytes(), io.stream()));
    for (int k = 0; k < call.steps; ++k) {
      const float* g = call.gradients + k * call.n;
      int* flag = flags.as<int>() + k;
      check_kernel<<<grid, kThreads, 0, io.stream()>>>(g, call.n, flag);
      AISP_CUDA(cudaGetLastError());
      apply_unless_kernel<<<grid, kThreads, 0, io.stream()>>>(g, call.parameters, call.n, flag);
      AISP_CUDA(cudaGetLastError());
    }
  });
}

}  // namespace aisp::labs::ch12::cuda_graphs_conditional
