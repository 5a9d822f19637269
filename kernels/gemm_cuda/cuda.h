// C[M, N] = epilogue(A[M, K] B[N, K]^T) on a CUDA device: the linear layer, with weights as Linear
// stores them, and the operations that follow it in a transformer done before the result leaves the
// chip. Plain C++; all pointers are device memory.
//
// Floor, one H200: 2 M N K flops at what cuBLASLt reaches on random data (bf16 670-790 TFLOP/s,
// e4m3 1206-1540: the card's power limit, not its 989 and 1979 by the clock). Prediction, written
// before the first run: 0.95 of cuBLASLt from 4096^3 on, and each fused epilogue at the plain
// product's time plus at most 3 %, where a separate pass costs 8 % (SiLU over 4096 x 14336 after K
// = 4096).
//
// Reached, one H200, CUDA 13.0, of cuBLASLt (PyTorch 2.11) in pairs (tools/gpu_peers/gemm.py), at
// 4096 and 8192 squared and the six products of Llama 3's 8B and 70B layers with 4096 rows: bf16
// 0.99-1.02; e4m3 summed in the instruction 0.99-1.02, promoted 0.94-0.99; a scale for each row and
// column 0.92 and 0.94. Bias 0.98 and GELU 0.94 of its own epilogues; beside a separate pass 1.01
// (SwiGLU) to 1.07 (quantise).
//
// Source: CUTLASS 3's warp-specialised persistent kernels; DeepGEMM; P. Shankhdhar, "Outperforming
// cuBLAS on H100".
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/dtype.h"
#include "machine/device.h"

namespace aisp::kernels::gemm_cuda {

enum class Input { kBF16, kE4M3 };
enum class Output { kBF16, kF32, kE4M3 };
enum class Activation { kNone, kSilu, kGelu };  // GELU with tanh, as Llama's relatives use it

/// How products of e4m3 are summed. The tensor core's own sum of e4m3 keeps about 13 fraction bits
/// below the largest of the values it adds, K after K (cuBLASLt's "fast accumulation");
/// kPromoted adds every 128 of K to a sum in f32 outside, which costs some of the rate.
enum class Sum { kInstruction, kPromoted };

struct Shape {
  std::int64_t M = 0, N = 0, K = 0;
  bool operator==(const Shape&) const = default;
};

/// x = sum_k A[m, k] B[n, k], accumulated in f32; then, in this order, what is set:
///   x *= scale_a[per_row ? m : 0] * scale_b[per_row ? n : 0]      f32
///   x += bias[n]                                                  bf16
///   x = activation(x); gated: x = activation(gate) * up, B holds N gate rows, then N up rows
///   x += residual[m, n]                                           bf16, rows as C's
///   C[m, n] = x, or x / *output_scale for e4m3 (saturates at 448)
/// One rounding to the output type. C may be `residual`, else nothing overlaps.
/// Error of x before the epilogue, where a step of the tensor core (16 products of bf16, 32 of
/// e4m3) aligns its products and the sum so far to the largest of them and cuts: at most (step + 1)
/// u times that largest magnitude, summed over the steps. bf16: u = 2^-23. e4m3: u = 2^-13; with
/// kPromoted the sums start anew every 128 and are added in f32.
/// Activations add 2^-20 of their argument. NaN and infinities go through as IEEE says, except that
/// an activation of -inf is NaN.
struct Request {
  Shape shape;
  Input input = Input::kBF16;
  Output output = Output::kBF16;
  const void* a = nullptr;  // [M, K]
  const void* b = nullptr;  // [N, K]; gated: [2 N, K]
  void* c = nullptr;        // [M, N]
  /// Elements between rows; 0: dense.
  std::int64_t a_stride = 0, b_stride = 0, c_stride = 0;
  const float* scale_a = nullptr;
  const float* scale_b = nullptr;
  bool per_row = false;
  const bf16* bias = nullptr;  // not with `gated`
  Activation activation = Activation::kNone;
  bool gated = false;
  const bf16* residual = nullptr;       // bf16 output only
  const float* output_scale = nullptr;  // e4m3 output only
  Sum sum = Sum::kPromoted;
  machine::CudaStream stream = nullptr;
};

/// How wgmma_tma cuts the problem.
struct Config {
  int tile_n = 256;  // 256 or 128 columns (with gate and up: of both together); rows are always 128
  int cluster = 2;   // blocks that share a tile of B: 1 or 2
  int group = 8;     // row tiles (of clusters) that are walked before the next columns
  bool operator==(const Config&) const = default;
};

/// Pure: asks nothing but its arguments.
Config choose_config(const Shape& shape, bool gated, const machine::CudaDevice& device);

struct Variant {
  const char* name;
  /// "" or why this device cannot.
  std::string (*why_not)(const machine::CudaDevice& device);
  /// "" or what about this request it cannot take.
  std::string (*refuses)(const Request& request);
  void (*run)(const Request& request, const Config& config);  // null in a build without CUDA
};

/// wgmma_tma (Hopper; pointers and rows on 16 bytes), mma_sync (sm_80 and later; anything).
std::span<const Variant> variants();

/// The first variant that can, with the chosen configuration, on request.stream; does not wait.
/// Throws Error when CUDA does or when no device can. Aborts on a request that breaks its contract.
void gemm(const Request& request);

}  // namespace aisp::kernels::gemm_cuda
