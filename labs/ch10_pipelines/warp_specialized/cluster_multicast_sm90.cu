// The same with clusters of two blocks that share B: a quarter less is read from L2.
#include "labs/ch10_pipelines/warp_specialized/roles.cuh"

namespace aisp::labs::ch10::warp_specialized {

std::unique_ptr<bench::Plan> plan_cluster_multicast(const bench::Params& params) {
  constexpr int kBlocks = 2;
  const int shared = allow_shared(roles_kernel<kBlocks>, kStages);
  return bench::plan_of([params, shared](const bench::Io& io) {
    const Launch launch = launch_of(params, io, kTile / kBlocks);
    const auto down =
        static_cast<unsigned>((launch.product.m + kBlocks * kTile - 1) / (kBlocks * kTile));
    const auto across = static_cast<unsigned>((launch.product.n + kTile - 1) / kTile);
    cudaLaunchAttribute cluster{};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {kBlocks, 1, 1};
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(down * across * kBlocks);
    config.blockDim = dim3(kRolesThreads);
    config.dynamicSmemBytes = static_cast<std::size_t>(shared);
    config.stream = io.stream();
    config.attrs = &cluster;
    config.numAttrs = 1;
    AISP_CUDA(
        cudaLaunchKernelEx(&config, roles_kernel<kBlocks>, launch.a, launch.b, launch.product));
  });
}

}  // namespace aisp::labs::ch10::warp_specialized
