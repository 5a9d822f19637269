// Triad over arrays that together fill L2: the vector loop of most element-wise work.
#include "bench/layout/kernels.h"

extern "C" std::uint64_t layout_stream(const aisp::layout::Data& data) {
  const float* __restrict left = data.left;
  const float* __restrict right = data.right;
  float* __restrict out = data.out;
  for (std::size_t i = 0; i < aisp::layout::Data::kFloats; ++i) out[i] = left[i] + 0.5f * right[i];
  return static_cast<std::uint64_t>(out[data.bytes[0]]);
}
