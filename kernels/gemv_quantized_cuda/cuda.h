// Products with weights of 4 or 8 bits for few tokens: C[M,N] = A[M,K] W[N,K]^T, W = scale (q -
// zero), A and C in bf16: the products of decoding with a quantised model. Weight bytes are the
// time. Floor: those bytes, scales included, over the copy bandwidth of the card (one H200, CUDA
// 13.0: 4.1-4.3 TB/s; 8192 x 8192 at 4.25 bits in 8.6 us). Prediction: 0.9 of it for 32 MB and more
// at 1 to 8 tokens; below, the start and end of a launch, about 4 us, are most of the time.
// Reached (one H200, CUDA 13.0, 8 tokens, medians in TB/s of packed bytes with constant_weights;
// in brackets of a copy of as many bytes in the same run): int8 8192 x 28672 4.30 (1.04), 28672 x
// 8192 4.06 (0.98), 8192 x 8192 3.73 (0.97); int4 28672 x 8192 3.67 (0.91), 28672 x 4096 3.19
// (0.84), 8192 x 8192 3.03 (0.85): the start and end of a launch are 4 us, so int4 holds the
// prediction only at 121 MB; yet 2 to 3.4 times as quick as the bf16 product. Weights
// are packed once (pack.h) into the order in which the tensor cores take them; formats.cuh makes
// bf16 of them in registers. Hopper's copy engine brings them in (bulk_sm90.cu); elsewhere, and
// where k is no multiple of 32, each warp its own (../gemm_skinny_cuda/stream.cuh). Source: Frantar
// et al., "MARLIN", arXiv:2408.11743.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "kernels/gemv_quantized_cuda/pack.h"
#include "machine/device.h"

namespace aisp::kernels::gemv_quantized_cuda {

/// 1 <= m <= 16 tokens, n rows of weights (any number), k a multiple of the format's group and
/// of 8.
struct Shape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  bool operator==(const Shape&) const = default;
};

/// kSwiGlu: the weights were packed with gate and up rows in pairs (pack.h); C = silu(gate) * up is
/// m x n/2. Bias is added before it, the residual after everything.
enum class Activation { kNone, kSwiGlu };

/// Everything in device memory. a: m x k, c: m x n (n/2 with kSwiGlu), tight; a and weights 16-byte
/// aligned. c may be the residual and must not overlap anything else.
struct Request {
  Shape shape;
  Format format = Format::kInt8Channel;
  const bf16* a = nullptr;
  const void* weights = nullptr;  // packed: packed_bytes()
  bf16* c = nullptr;
  const bf16* bias = nullptr;      // n, or none
  const bf16* residual = nullptr;  // like c, or none
  Activation activation = Activation::kNone;
  /// workspace_bytes(), 16-byte aligned; zero before its first use, and every call leaves it ready
  /// for the next. Two calls that may run at once need two.
  void* workspace = nullptr;
  /// As for the bf16 product (../gemm_skinny_cuda/cuda.h): weights and scales were written long
  /// before and may be read before the launches ahead in the stream have ended.
  bool constant_weights = false;
  machine::CudaStream stream = nullptr;
};

/// What one launch does; choose_config() says why.
struct Config {
  std::string_view variant;
  int tile_rows = 0;    // that a block holds at once
  int token_tiles = 0;  // of 8 tokens
  int unit_k = 0;       // one step along K
  int blocks = 0;
  bool operator==(const Config&) const = default;
};

/// Pure. `variant` "" chooses the first that this device can run.
Config choose_config(const Shape& shape, Format format, const machine::CudaDevice& device,
                     std::string_view variant = "");

/// Of the workspace for every shape on this device.
std::size_t workspace_bytes(const machine::CudaDevice& device);

/// One product. Sums are f32 in a fixed order (the same bits on every call), scales multiply the
/// sums of their groups, and there is one rounding to bf16 at the end. 4-bit weights enter as 128 +
/// q, and (128 + zero) sum a comes off: |error| <= dot_bound(k, 2^-24) sum |a| (|w| + 136 |scale|)
/// + 2^-8 |c| (8 bits: without the 136). NaN propagates; an infinite activation gives its token
/// infinities or, with 4 bits, NaN. 2 m n k flops. Throws Error for a shape outside the contract,
/// unaligned pointers, no workspace, or a variant that cannot run here. Enqueues; does not wait.
void run(const Request& request, std::string_view variant = "");

/// One implementation.
struct Variant {
  std::string_view name;
  std::int64_t step_k;  // k must be a multiple
  std::string (*why_not)(const machine::CudaDevice&);
  void (*run)(const Request&, const Config&);  // null in a build without CUDA
};
std::span<const Variant> variants();

}  // namespace aisp::kernels::gemv_quantized_cuda
