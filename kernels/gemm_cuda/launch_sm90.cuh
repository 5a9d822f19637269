// From a request and a configuration to one of tile_sm90.cuh's kernels: tensor maps, the walk, the
// grid, the launch.
#pragma once

#include <algorithm>

#include "kernels/cuda/tensor_map.h"
#include "kernels/gemm_cuda/tile_sm90.cuh"
#include "kernels/gemm_cuda/variants.h"
#include "machine/cuda_raii.h"

namespace aisp::kernels::gemm_cuda {

inline c::MapElement map_element(Output output) {
  return output == Output::kF32    ? c::MapElement::kF32
         : output == Output::kBF16 ? c::MapElement::kBF16
                                   : c::MapElement::kU8;
}

inline int ceil_div(std::int64_t n, std::int64_t d) { return static_cast<int>((n + d - 1) / d); }

template <class T>
Arguments arguments_of(const Request& request, const Config& config) {
  const auto [M, N, K] = request.shape;
  const Strides strides = strides_of(request);
  const auto element = T::kInput == Input::kBF16 ? c::MapElement::kBF16 : c::MapElement::kU8;
  constexpr int kOut = output_bytes<T::kOutput>();
  Arguments arguments{};
  arguments.a = c::make_tensor_map(
      c::rows_of(request.a, element, M, K, strides.a * T::kElementBytes, kTileM, T::kK));
  arguments.b = c::make_tensor_map(c::rows_of(request.b, element, T::kGated ? 2 * N : N, K,
                                              strides.b * T::kElementBytes, T::kTileN / 2, T::kK));
  const auto rows_of_c = c::rows_of(request.c, map_element(T::kOutput), M, N, strides.c * kOut,
                                    kChunkRows, kChunkRowBytes / kOut);
  arguments.c = c::make_tensor_map(rows_of_c);
  if (request.residual != nullptr) {
    auto residual = rows_of_c;
    residual.data = request.residual;
    arguments.residual = c::make_tensor_map(residual);
  }
  arguments.walk = {ceil_div(M, kTileM * config.cluster), ceil_div(N, T::kColumns), config.group};
  arguments.cluster = config.cluster;
  arguments.k_blocks = ceil_div(K, T::kK);
  arguments.up_row = static_cast<int>(N);
  arguments.epilogue = epilogue_of(request);
  return arguments;
}

template <class T>
void launch(const Request& request, const Config& config) {
  static const int multiprocessors = [] {
    AISP_CUDA(cudaFuncSetAttribute(gemm_kernel<T>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   sizeof(Shared<T>)));
    return machine::cuda_device().multiprocessors;
  }();
  const Arguments arguments = arguments_of<T>(request, config);
  const int tiles = arguments.walk.tiles_m * arguments.walk.tiles_n;
  const int clusters = std::min(multiprocessors / config.cluster, tiles);
  cudaLaunchAttribute cluster{};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {static_cast<unsigned>(config.cluster), 1, 1};
  cudaLaunchConfig_t how{};
  how.gridDim = dim3(static_cast<unsigned>(clusters * config.cluster));
  how.blockDim = dim3(kThreads);
  how.dynamicSmemBytes = sizeof(Shared<T>);
  how.stream = request.stream;
  how.attrs = &cluster;
  how.numAttrs = 1;
  AISP_CUDA(cudaLaunchKernelEx(&how, gemm_kernel<T>, arguments));
}

/// The kernels of one kind of input: all outputs, with and without gate, in both widths.
template <Input kInput, bool kPromote>
void launch_any(const Request& request, const Config& config) {
  const auto with = [&]<Output kOutput, bool kGated>() {
    if constexpr (!kGated) {
      if (config.tile_n == 128) {
        return launch<Tile<kInput, kOutput, 128, false, kPromote>>(request, config);
      }
    }
    launch<Tile<kInput, kOutput, 256, kGated, kPromote>>(request, config);
  };
  if (request.gated) {
    if (request.output == Output::kBF16) return with.template operator()<Output::kBF16, true>();
    return with.template operator()<Output::kE4M3, true>();
  }
  if (request.output == Output::kBF16) return with.template operator()<Output::kBF16, false>();
  if (request.output == Output::kF32) return with.template operator()<Output::kF32, false>();
  with.template operator()<Output::kE4M3, false>();
}

}  // namespace aisp::kernels::gemm_cuda
