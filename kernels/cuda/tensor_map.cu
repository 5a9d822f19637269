// Tensor maps through the driver's entry point, found at run time so that nothing links libcuda.
#include "kernels/cuda/tensor_map.h"

#include <string>

#include "machine/cuda_raii.h"

namespace aisp::kernels::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

Encode find_encode() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  AISP_CUDA(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                             cudaEnableDefault, &found));
  if (found != cudaDriverEntryPointSuccess) {
    throw Error("the driver has no tensor maps", "cuTensorMapEncodeTiled",
                "use a driver for CUDA 12.0 or later");
  }
  return reinterpret_cast<Encode>(function);
}

constexpr CUtensorMapDataType kElements[] = {
    CU_TENSOR_MAP_DATA_TYPE_UINT8, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
    CU_TENSOR_MAP_DATA_TYPE_FLOAT16, CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
    CU_TENSOR_MAP_DATA_TYPE_INT32, CU_TENSOR_MAP_DATA_TYPE_TFLOAT32};
constexpr CUtensorMapSwizzle kSwizzles[] = {CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_SWIZZLE_32B,
                                            CU_TENSOR_MAP_SWIZZLE_64B, CU_TENSOR_MAP_SWIZZLE_128B};

}  // namespace

CUtensorMap make_tensor_map(const TensorMapSpec& spec) {
  static const Encode encode = find_encode();
  CUtensorMap map{};
  constexpr cuuint32_t ones[5] = {1, 1, 1, 1, 1};
  std::array<cuuint64_t, 5> sizes{}, strides{};
  std::array<cuuint32_t, 5> box{};
  for (std::size_t i = 0; i < 5; ++i) {
    sizes[i] = spec.sizes[i];
    box[i] = spec.box[i];
    if (i > 0) strides[i - 1] = spec.strides[i];
  }
  const CUresult status =
      encode(&map, kElements[static_cast<int>(spec.element)], static_cast<cuuint32_t>(spec.rank),
             const_cast<void*>(spec.data), sizes.data(), strides.data(), box.data(), ones,
             CU_TENSOR_MAP_INTERLEAVE_NONE, kSwizzles[static_cast<int>(spec.swizzle)],
             spec.fetch_bytes == 128 ? CU_TENSOR_MAP_L2_PROMOTION_L2_128B
                                     : CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
             CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS) {
    throw Error("CUDA error " + std::to_string(static_cast<int>(status)) + " for a box of " +
                    std::to_string(box[0]) + " x " + std::to_string(box[1]) + " of " +
                    std::to_string(sizes[0]) + " x " + std::to_string(sizes[1]) +
                    " elements, rows " + std::to_string(strides[0]) + " bytes apart",
                "cuTensorMapEncodeTiled",
                "pointers and strides must be multiples of 16 bytes, boxes at most 256 a side");
  }
  return map;
}

}  // namespace aisp::kernels::cuda
