// Attention as kernels see it.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "base/error.h"
#include "labs/ch10_pipelines/flash_attention/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device.h"

namespace aisp::labs::ch10::flash_attention {

struct DeviceShape {
  int heads = 0, group = 0;  // query heads; of them for each head of keys
  int queries = 0, keys = 0, D = 0;
  bool causal = true;
  float scale = 1.0F;

  /// Keys that query i sees: j < seen(i).
  __device__ int seen(int i) const { return causal ? min(keys, i + keys - queries + 1) : keys; }
};

inline DeviceShape device_shape_of(const bench::Params& params) {
  const Shape s = shape_of(params);
  return {static_cast<int>(s.heads),
          static_cast<int>(s.heads / s.kv_heads),
          static_cast<int>(s.queries),
          static_cast<int>(s.keys),
          static_cast<int>(s.D),
          s.causal,
          1.0F / sqrtf(static_cast<float>(s.D))};
}

struct DeviceArrays {
  const float *q = nullptr, *k = nullptr, *v = nullptr;
  float* o = nullptr;
};
inline DeviceArrays device_arrays_of(const bench::Io& io) {
  return {io.in<float>(0).data(), io.in<float>(1).data(), io.in<float>(2).data(),
          io.out<float>(0).data()};
}

}  // namespace aisp::labs::ch10::flash_attention
