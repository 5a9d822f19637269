// The tensor cores at the precision of f32: each input is split into a part that TF32 holds exactly
// (10 bits after the point) and what is left of it, and three products on the tensor cores replace
// one beside them: low x high + high x low + high x high. What is dropped, low x low and the last
// bits of the low parts, is 2^-21 of a product. TF32 alone is 2^-11, which this lab's bound refuses
// (a test says so). Splitting is timed.
// Source: H. Ootomo, R. Yokota, "Recovering single precision accuracy from Tensor Cores while
// surpassing the FP32 theoretical peak performance", IJHPCA 36 (2022); CUTLASS, example 27
// (3xTF32).
#include "labs/ch02_hardware/cublas/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device_blas.h"

namespace aisp::labs::ch02::cublas {
namespace {

__device__ float to_tf32(float value) {
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return __uint_as_float(bits);
}

__global__ void split(const float* from, float* high, float* low, std::int64_t count) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const float value = from[i];
  high[i] = to_tf32(value);
  low[i] = to_tf32(value - high[i]);
}

/// The two parts of one operand, kept in the plan.
class Parts {
 public:
  explicit Parts(std::int64_t count) : count_(count), memory_(2 * size() * sizeof(float)) {}
  const float* high() const { return memory_.as<float>(); }
  const float* low() const { return high() + size(); }
  void fill(const float* from, cudaStream_t stream) {
    split<<<static_cast<unsigned>((count_ + 255) / 256), 256, 0, stream>>>(
        from, memory_.as<float>(), memory_.as<float>() + size(), count_);
    AISP_CUDA(cudaGetLastError());
  }

 private:
  // The low part begins at a multiple of 64 floats: cuBLAS takes its quick paths for aligned rows.
  std::size_t size() const { return (static_cast<std::size_t>(count_) + 63) / 64 * 64; }
  std::int64_t count_;
  machine::DeviceBuffer memory_;
};

}  // namespace

std::unique_ptr<bench::Plan> plan_cublas_tf32_split(const bench::Params& p) {
  const machine::BlasShape shape = {p["M"], p["N"], p["K"]};
  auto blas = std::make_shared<machine::DeviceBlas>(machine::BlasMath::kTf32);
  auto a = std::make_shared<Parts>(shape.m * shape.k),
       b = std::make_shared<Parts>(shape.k * shape.n);
  return bench::plan_of([=](const bench::Io& io) {
    a->fill(io.in<float>(bench::matmul::kA).data(), io.stream());
    b->fill(io.in<float>(bench::matmul::kB).data(), io.stream());
    float* c = io.out<float>(bench::matmul::kC).data();
    blas->gemm(io.stream(), shape, a->low(), b->high(), c);
    blas->gemm(io.stream(), shape, a->high(), b->low(), c, 1.0F);
    blas->gemm(io.stream(), shape, a->high(), b->high(), c, 1.0F);
  });
}

}  // namespace aisp::labs::ch02::cublas
