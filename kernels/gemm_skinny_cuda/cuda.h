// The matrix products of decoding: C[M,N] = A[M,K] B[N,K]^T in bf16 for few rows of A (the tokens
// of a batch), where the weights B pass by once and their bytes are the time. Floor: 2 N K bytes
// over the copy bandwidth of the card (one H200, CUDA 13.0: 4.1-4.3 TB/s; 8192 x 8192 in 32 us).
// The tensor cores take the weights as their wide operand, so 8 tokens cost what one does.
// Prediction: 0.95 of the floor for 64 MB of weights and more; below 8 MB the start and the end of
// a launch, about 4 us, are most of the time.
// Reached (one H200, CUDA 13.0, medians in TB/s beside a copy of 4.26; in brackets with
// constant_weights; then cuBLASLt in the same run): 16 x 8192 x 28672 4.35 (4.41), 4.06; 16 x 28672
// x 8192 4.28 (4.31), 4.29; 16 x 8192 x 8192 4.08 (4.23), 4.01; 64 x 28672 x 8192 4.05 (4.11),
// 4.01; 8 x 4096 x 4096 3.29 (3.55), 2.72. cuBLASLt is ahead with 64 and 128 tokens on matrices of
// 1024 to 10240 rows, where the tokens that each tile needs again cost more than the weights (64 x
// 4096 x 4096: 2.47 (2.59), 3.04).
// Reading order: this contract, split.h (who does what), wgmma_sm90.cu (Hopper: TMA and wgmma),
// stream.cuh (any card: each warp its own ring; 2.7 TB/s on the H200).
// Source: Osama et al., "Stream-K", PPoPP 2023; PTX ISA 9.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "machine/device.h"

namespace aisp::kernels::gemm_skinny_cuda {

/// A is m x k, B n x k, C m x n (m x n/2 with kSwiGlu). 1 <= m <= 128, k a multiple of 8.
struct Shape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  bool operator==(const Shape&) const = default;
};

/// kSwiGlu: the first n/2 rows of B are the gate's and the others the up projection's; C = silu(A
/// gate^T) * (A up^T). n is then a multiple of 16. Bias is added before it, and the
/// residual after everything.
enum class Activation { kNone, kSwiGlu };

/// Everything in device memory, tight row-major; a and b 16-byte aligned, the others by their type.
/// c may be the residual, and must not overlap anything else.
struct Request {
  Shape shape;
  const bf16* a = nullptr;
  const bf16* b = nullptr;
  bf16* c = nullptr;
  const bf16* bias = nullptr;      // n, or none
  const bf16* residual = nullptr;  // like c, or none
  Activation activation = Activation::kNone;
  /// workspace_bytes(), 16-byte aligned; zero before its first use, and every call leaves it ready
  /// for the next. Two calls that may run at once need two.
  void* workspace = nullptr;
  /// B was written long before: the call may read it before the launches ahead in the stream have
  /// ended (programmatic dependent launch), so that the end of one product and the start of the
  /// next overlap. Everything else is read and written only after them. Without it, "wgmma" begins
  /// early too, but only asks for weights in L2, where what is written later replaces them.
  bool constant_weights = false;
  machine::CudaStream stream = nullptr;
};

/// What one launch does; choose_config() says why.
struct Config {
  std::string_view variant;
  int tile_rows = 0;    // of B that a block holds at once
  int tile_tokens = 0;  // m rounded up to a size the kernel is built for
  int unit_k = 0;       // one step along K
  int stages = 0;       // steps in flight
  int blocks = 0;
  int share = 1;  // wgmma: blocks of a cluster with the same tokens, or
  int split = 1;  // blocks of a cluster that may divide a tile along K; one of them is 1
  bool operator==(const Config&) const = default;
};

/// Pure. `variant` "" chooses the first that this device can run.
Config choose_config(const Shape& shape, const machine::CudaDevice& device,
                     std::string_view variant = "");

/// Of the workspace for every shape with at most this m, on this device.
std::size_t workspace_bytes(std::int64_t m, const machine::CudaDevice& device);

/// One product. f32 sums in a fixed order: the same bits on every call; one rounding to bf16 at the
/// end. |error| <= (dot_bound(k, 2^-24) sum |a b|, then the activation's) + 2^-8 |c|. NaN and Inf
/// propagate. 2 m n k flops, 2 (n k + m k + m n) bytes. Throws Error for a shape outside the
/// contract, unaligned pointers, no workspace, or a variant that cannot run here. Enqueues; does
/// not wait.
void run(const Request& request, std::string_view variant = "");

/// One implementation.
struct Variant {
  std::string_view name;
  std::string (*why_not)(const machine::CudaDevice&);
  void (*run)(const Request&, const Config&);  // null in a build without CUDA
};
std::span<const Variant> variants();

}  // namespace aisp::kernels::gemm_skinny_cuda
