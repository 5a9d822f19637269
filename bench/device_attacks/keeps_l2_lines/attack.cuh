// Asks that its input stays in the L2 and leaves that wish on the stream: whoever comes next has
// less of the L2, or more.
#pragma once

#include "bench/device_attacks/common.cuh"

namespace aisp::device_attacks::keeps_l2_lines {
namespace {

void set_window(const View& v, std::size_t bytes) {
  cudaStreamAttrValue value{};
  value.accessPolicyWindow.base_ptr = const_cast<float*>(v.x);
  value.accessPolicyWindow.num_bytes = bytes;
  value.accessPolicyWindow.hitRatio = 1.0F;
  value.accessPolicyWindow.hitProp = cudaAccessPropertyPersisting;
  value.accessPolicyWindow.missProp = cudaAccessPropertyStreaming;
  if (bytes == 0) value.accessPolicyWindow.hitProp = cudaAccessPropertyNormal;
  if (bytes == 0) value.accessPolicyWindow.missProp = cudaAccessPropertyNormal;
  AISP_CUDA(cudaStreamSetAttribute(v.stream, cudaStreamAttributeAccessPolicyWindow, &value));
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const View& v) const {
    set_window(v, v.bytes());
    rotate(v);
    if (!kCheat) set_window(v, 0);
  }
};

}  // namespace

Plans plans() { return plans_of<Attack>(); }

}  // namespace aisp::device_attacks::keeps_l2_lines
