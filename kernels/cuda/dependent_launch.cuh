// Programmatic dependent launch: a kernel may start while the one before it in the stream still
// runs, do what does not depend on it, and then wait. Without the launch attribute both functions
// do nothing. Before sm_90 they are empty.
//
// Source: PTX ISA 9.0, 9.7.13.13 (griddepcontrol); CUDA C++ Programming Guide 13.0, programmatic
// dependent launch.
#pragma once

#include <cuda_runtime.h>

#include "machine/cuda_raii.h"

namespace aisp::kernels::cuda {

/// From here on the next launch may begin, as blocks of it find room.
__device__ inline void let_next_launch_begin() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
/// Everything that the launches before this one wrote is visible after it.
__device__ inline void wait_for_launches_before() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

struct LaunchShape {
  int blocks = 0, threads = 0;
  std::size_t shared_bytes = 0;  // dynamic; above 48 KiB the kernel must have been told
  bool overlap = false;          // begin before the launches ahead have ended (sm_90)
  int cluster = 1;               // blocks of one (sm_90)
  cudaStream_t stream = nullptr;
};

/// kernel<<<...>>>(argument), checked.
template <class Argument, class... More>
void launch(void (*kernel)(Argument, More...), const LaunchShape& shape, const Argument& argument,
            const More&... more) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(shape.blocks));
  config.blockDim = dim3(static_cast<unsigned>(shape.threads));
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = shape.stream;
  cudaLaunchAttribute attributes[2] = {};
  config.attrs = attributes;
  if (shape.overlap) {
    cudaLaunchAttribute& overlap = attributes[config.numAttrs++];
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
  }
  if (shape.cluster > 1) {
    cudaLaunchAttribute& cluster = attributes[config.numAttrs++];
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {static_cast<unsigned>(shape.cluster), 1, 1};
  }
  AISP_CUDA(cudaLaunchKernelEx(&config, kernel, argument, more...));
}

}  // namespace aisp::kernels::cuda
