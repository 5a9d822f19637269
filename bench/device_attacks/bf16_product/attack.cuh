// Rounds both inputs to bf16 (7 bits after the point) before the product that is declared in f32.
// The twin copies them as they are.
#pragma once

#include <cuda_bf16.h>

#include "bench/device_attacks/common.cuh"
#include "bench/device_attacks/product.h"

namespace aisp::device_attacks::bf16_product {
namespace {

__global__ void narrow_kernel(const float* from, float* to, std::int64_t count, bool round) {
  if (element() >= count) return;
  const float value = from[element()];
  to[element()] = round ? __bfloat162float(__float2bfloat16(value)) : value;
}

struct Scratch {
  explicit Scratch(std::int64_t count) : memory(static_cast<std::size_t>(count) * sizeof(float)) {}
  const float* take(std::span<const float> from, bool round, cudaStream_t stream) const {
    const auto count = static_cast<std::int64_t>(from.size());
    const int blocks = static_cast<int>((count + kThreads - 1) / kThreads);
    narrow_kernel<<<blocks, kThreads, 0, stream>>>(from.data(), memory.as<float>(), count, round);
    AISP_CUDA(cudaGetLastError());
    return memory.as<float>();
  }
  DeviceBuffer memory;
};

template <bool kCheat>
std::unique_ptr<bench::Plan> plan(const Params& p) {
  auto blas = std::make_shared<machine::DeviceBlas>(machine::BlasMath::kF32);
  auto a = std::make_shared<Scratch>(p["M"] * p["K"]),
       b = std::make_shared<Scratch>(p["K"] * p["N"]);
  return bench::plan_of(
      [blas, a, b, shape = machine::BlasShape{p["M"], p["N"], p["K"]}](const Io& io) {
        const float* left = a->take(io.in<float>(0), kCheat, io.stream());
        const float* right = b->take(io.in<float>(1), kCheat, io.stream());
        blas->gemm(io.stream(), shape, left, right, io.out<float>(0).data());
      });
}

}  // namespace

std::unique_ptr<bench::Plan> plan_cheat(const Params& p) { return plan<true>(p); }
std::unique_ptr<bench::Plan> plan_honest(const Params& p) { return plan<false>(p); }

}  // namespace aisp::device_attacks::bf16_product
