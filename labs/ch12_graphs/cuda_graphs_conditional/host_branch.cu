// The host reads the flag of every step, waits for it, and launches the update or not: what
// GradScaler.step() does with optimizers that are not capturable.
// Source: PyTorch, torch/amp/grad_scaler.py: `if not sum(v.item() for v in found_inf): step()`.
#include "labs/ch12_graphs/cuda_graphs_conditional/step_kernels.cuh"

namespace aisp::labs::ch12::cuda_graphs_conditional {

std::unique_ptr<bench::Plan> plan_host_branch(const bench::Params& params) {
  return bench::plan_of(
      [params, flag = machine::DeviceArray(sizeof(int)),
       seen = std::make_unique<machine::PinnedBuffer>(sizeof(int))](const bench::Io& io) {
        const Call call = call_of(params, io);
        const unsigned grid = grid_of(call.n);
        const cudaStream_t stream = io.stream();
        copy_parameters(io);
        for (int k = 0; k < call.steps; ++k) {
          const float* g = call.gradients + k * call.n;
          AISP_CUDA(cudaMemsetAsync(flag.as<int>(), 0, sizeof(int), stream));
          check_kernel<<<grid, kThreads, 0, stream>>>(g, call.n, flag.as<int>());
          AISP_CUDA(cudaGetLastError());
          AISP_CUDA(cudaMemcpyAsync(seen->data(), flag.as<int>(), sizeof(int),
                                    cudaMemcpyDeviceToHost, stream));
          AISP_CUDA(cudaStreamSynchronize(stream));
          if (*static_cast<const int*>(seen->data()) != 0) continue;
          apply_kernel<<<grid, kThreads, 0, stream>>>(g, call.parameters, call.n);
          AISP_CUDA(cudaGetLastError());
        }
      });
}

}  // namespace aisp::labs::ch12::cuda_graphs_conditional
