// A producer of its own: it runs ahead by as many slices as the ring has.
#include "labs/ch10_pipelines/warp_specialized/roles.cuh"

namespace aisp::labs::ch10::warp_specialized {

std::unique_ptr<bench::Plan> plan_producer_warp(const bench::Params& params) {
  const int shared = allow_shared(roles_kernel<1>, kStages);
  return bench::plan_of([params, shared](const bench::Io& io) {
    const Launch launch = launch_of(params, io);
    roles_kernel<1>
        <<<launch.tiles, kRolesThreads, shared, io.stream()>>>(launch.a, launch.b, launch.product);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::warp_specialized
