// The MLP as eager PyTorch would run it without fused layers: a product by the library, then a
// kernel that adds the bias, one for gelu, a product, a bias. 16 bytes a thread in the small ones.
#include "labs/ch09_fusion/compute_bound/mlp_steps.h"

namespace aisp::labs::ch09::compute_bound {
namespace {

constexpr int kThreads = 128;  // PyTorch's element kernels

struct alignas(16) Eight {
  bf16 at[8];
};

__device__ float wide(bf16 x) { return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16); }
__device__ bf16 narrow(float x) {
  const std::uint32_t bits = __float_as_uint(x);
  bf16 out;
  out.bits = static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
  return out;
}

/// out = in + bias[column]; columns a multiple of 8.
__global__ void add_bias(const bf16* in, const bf16* bias, bf16* out, std::int64_t count,
                         std::int64_t columns) {
  const std::int64_t i = 8 * (std::int64_t{blockIdx.x} * kThreads + threadIdx.x);
  if (i >= count) return;
  Eight x = *reinterpret_cast<const Eight*>(in + i);
  const Eight b = *reinterpret_cast<const Eight*>(bias + i % columns);
#pragma unroll
  for (int j = 0; j < 8; ++j) x.at[j] = narrow(wide(x.at[j]) + wide(b.at[j]));
  *reinterpret_cast<Eight*>(out + i) = x;
}

__global__ void gelu(const bf16* in, bf16* out, std::int64_t count) {
  const std::int64_t i = 8 * (std::int64_t{blockIdx.x} * kThreads + threadIdx.x);
  if (i >= count) return;
  Eight x = *reinterpret_cast<const Eight*>(in + i);
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    const float v = wide(x.at[j]);
    x.at[j] = narrow(0.5f * v * (1.0f + tanhf(0.7978845608f * (v + 0.044715f * v * v * v))));
  }
  *reinterpret_cast<Eight*>(out + i) = x;
}

unsigned blocks_for(std::int64_t count) {
  return static_cast<unsigned>((count / 8 + kThreads - 1) / kThreads);
}

std::size_t bytes(std::int64_t count) { return static_cast<std::size_t>(count) * sizeof(bf16); }

}  // namespace

MlpSteps::MlpSteps(const bench::Params& p)
    : tokens_(p["tokens"]),
      width_(p["width"]),
      hidden_(p["hidden"]),
      up_({.m = tokens_, .n = hidden_, .k = width_}),
      down_({.m = tokens_, .n = width_, .k = hidden_}),
      product_(bytes(tokens_ * hidden_)),
      sum_(bytes(tokens_ * hidden_)),
      active_(bytes(tokens_ * hidden_)),
      result_(bytes(tokens_ * width_)) {}

void MlpSteps::enqueue(const bench::Io& io, machine::CudaStream stream) {
  const std::int64_t inner = tokens_ * hidden_, outer = tokens_ * width_;
  up_.run(stream, io.in<bf16>(kX).data(), io.in<bf16>(kW1).data(), product_.as());
  add_bias<<<blocks_for(inner), kThreads, 0, stream>>>(product_.as<bf16>(), io.in<bf16>(kB1).data(),
                                                       sum_.as<bf16>(), inner, hidden_);
  gelu<<<blocks_for(inner), kThreads, 0, stream>>>(sum_.as<bf16>(), active_.as<bf16>(), inner);
  down_.run(stream, active_.as(), io.in<bf16>(kW2).data(), result_.as());
  add_bias<<<blocks_for(outer), kThreads, 0, stream>>>(result_.as<bf16>(), io.in<bf16>(kB2).data(),
                                                       io.out<bf16>(0).data(), outer, width_);
  AISP_CUDA(cudaGetLastError());
}

std::unique_ptr<bench::Plan> plan_op_by_op(const bench::Params& params) {
  auto steps = std::make_shared<MlpSteps>(params);
  return bench::plan_of([steps](const bench::Io& io) { steps->enqueue(io, io.stream()); });
}

}  // namespace aisp::labs::ch09::compute_bound
