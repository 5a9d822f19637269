// The reference on the GPU: a thread for each hidden value, then one for each result, in double.
#include "labs/ch09_fusion/compute_bound/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch09::compute_bound {
namespace {

constexpr int kSide = 16;

__device__ double wide(bf16 x) { return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16); }

struct Shape {
  std::int64_t tokens, width, hidden;
};

/// h = gelu(x w1 + b1) and its error bound e, as lab.cc.
__global__ void layer_1(const bf16* x, const bf16* w1, const bf16* b1, double* h, double* e,
                        Shape s, double sums) {
  const std::int64_t j = std::int64_t{blockIdx.x} * kSide + threadIdx.x;
  const std::int64_t t = std::int64_t{blockIdx.y} * kSide + threadIdx.y;
  if (j >= s.hidden || t >= s.tokens) return;
  double g = 0.0, squares = 0.0;
  for (std::int64_t i = 0; i < s.width; ++i) {
    const double product = wide(x[t * s.width + i]) * wide(w1[j * s.width + i]);
    g += product;
    squares += product * product;
  }
  const double pre = g + wide(b1[j]);
  const double inner = 0.79788456080286535588 * (pre + 0.044715 * pre * pre * pre);
  const double value = 0.5 * pre * (1.0 + tanh(inner));
  h[t * s.hidden + j] = value;
  e[t * s.hidden + j] = 1.13 * (fabs(g) + fabs(pre) + sums * sqrt(squares)) + fabs(value);
}

__global__ void layer_2(const double* h, const double* e, const bf16* w2, const bf16* b2,
                        bench::ExpectedOnDevice y, Shape s, double sums) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kSide + threadIdx.x;
  const std::int64_t t = std::int64_t{blockIdx.y} * kSide + threadIdx.y;
  if (i >= s.width || t >= s.tokens) return;
  double sum = 0.0, squares = 0.0;
  for (std::int64_t j = 0; j < s.hidden; ++j) {
    const double w = wide(w2[i * s.hidden + j]), error = w * e[t * s.hidden + j];
    sum += w * h[t * s.hidden + j];
    squares += error * error;
  }
  const double value = sum + wide(b2[i]);
  y.value[t * s.width + i] = value;
  y.scale[t * s.width + i] = (6.0 + sums) * sqrt(squares) + fabs(sum) + fabs(value);
}

}  // namespace

void reference_on_device(const bench::Params& p, const bench::Io& io,
                         std::span<const bench::ExpectedOnDevice> outputs) {
  const Shape s = {p["tokens"], p["width"], p["hidden"]};
  const auto bytes = static_cast<std::size_t>(s.tokens * s.hidden) * sizeof(double);
  const machine::DeviceBuffer h(bytes), e(bytes);
  const auto [sums_1, sums_2] = bound_of(p);
  const auto blocks = [&](std::int64_t columns) {
    return dim3(static_cast<unsigned>((columns + kSide - 1) / kSide),
                static_cast<unsigned>((s.tokens + kSide - 1) / kSide));
  };
  layer_1<<<blocks(s.hidden), dim3(kSide, kSide), 0, io.stream()>>>(
      io.in<bf16>(kX).data(), io.in<bf16>(kW1).data(), io.in<bf16>(kB1).data(), h.as<double>(),
      e.as<double>(), s, sums_1);
  layer_2<<<blocks(s.width), dim3(kSide, kSide), 0, io.stream()>>>(
      h.as<double>(), e.as<double>(), io.in<bf16>(kW2).data(), io.in<bf16>(kB2).data(), outputs[0],
      s, sums_2);
  AISP_CUDA(cudaGetLastError());
  AISP_CUDA(cudaStreamSynchronize(io.stream()));  // h and e end here
}

}  // namespace aisp::labs::ch09::compute_bound
