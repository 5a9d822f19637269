// Attention on Hopper: why these sizes, and the launch of flash_kernel.cuh.
//
// Prediction. For 64 queries and 128 keys the two products are 8 D cycles of a multiprocessor (4096
// flops each), the exponentials 512 (16 each). With D = 128 the latter fit twice into the former,
// so one warpgroup's softmax can hide under the other's products: 0.8 of the 790 TFLOP/s of a GEMM.
// With D = 64 both units are full: 0.55 to 0.65.
//
// Seen on one H200, CUDA 13.0, TFLOP/s of causal bf16 (head 128: 4k and 16k tokens, 32 heads, 8 KV
// heads; head 64: 4k tokens, 16 heads), medians; the last two steps are ratios of pairs:
//                                                        head 128         head 64
//   a block for each tile, as the hardware orders them   571   659
//   as many blocks as multiprocessors, schedule.h        631   680        423
//   warpgroups take turns                                636   675        452
//   two tiles of Q, the next one copied early            0.98  0.97       1.03 (1k tokens: 1.08)
//   warpgroups pass over keys that they do not see       1.00  1.02       1.02 (1k tokens: 1.14)
// A second tile of Q is therefore there for D = 64 only.
//
// Beside PyTorch 2.11 (tools/gpu_peers/attention.py, one run), time of cuDNN and of flash to ours.
// What a peer leaves of the card's power moves ours: 603 beside cuDNN is 664 beside a slower one.
//   Llama-3-8B 4k 1.21, 2.25 (603 TFLOP/s)   16k 1.22, 2.31 (667)   2k 1.18, 2.14   1k 1.11, 1.99
//   head 128 full 4k 1.07, 2.13 (606)   head 64 causal 4k 1.15, 1.78 (457)   16k 1.23, 1.95 (521)
//   head 64 full 4k 1.16, 1.84 (520)    GPT-2 1k 1.04, 1.67 (351)   packed 2.19 (flash)
// That is 0.76 to 0.84 of the GEMM's rate with D = 128. The tensor cores are busy in 79 % of the
// cycles at 4k, and the second-level cache delivers 6.0 TB/s: the next thing to spare.
//
// Tried and left out, in ratios: tiles of 160 keys 0.93 to 0.99, of 176 0.95 to 0.99; for D = 64
// two warpgroups 0.90, with tiles of 192 keys 0.89; more stages 1.00; the output rescaled only when
// the maximum grew by more than 2^8: 0.97 (D = 128), 1.01 (64); every eighth, fourth, second
// exponential by a polynomial on the arithmetic units (64): 0.96, 0.92, 0.81; a branch that keeps
// ptxas from moving the wait for the product with V before the exponentials: 0.91, with tiles of
// 112 keys for D = 64 0.89 - what hides a softmax is the other warpgroups' products, not its own;
// sections of one KV head 0.97 to 1.01.
//
// Source: J. Shah et al., "FlashAttention-3" (2024).
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/check.h"
#include "kernels/attention_cuda/cuda.h"
#include "kernels/attention_cuda/flash_kernel.cuh"
#include "kernels/attention_cuda/launches.h"
#include "kernels/cuda/tensor_map.h"
#include "machine/cuda_raii.h"

namespace aisp::kernels::attention_cuda {
namespace {

struct Rows {
  const void* data;
  Strides strides;
  std::int64_t tokens, heads, batch;
  int box_rows;
};

/// {D, tokens, heads, batch}, a box of 64 columns.
CUtensorMap map_of(const Shape& shape, const Rows& rows) {
  cuda::TensorMapSpec spec;
  spec.data = rows.data;
  spec.element = shape.type == DType::kF16 ? cuda::MapElement::kF16 : cuda::MapElement::kBF16;
  spec.rank = 4;
  spec.box = {64, static_cast<std::uint32_t>(rows.box_rows), 1, 1};
  const std::int64_t sizes[] = {shape.D, rows.tokens, rows.heads, rows.batch};
  const std::int64_t strides[] = {1, rows.strides.token, rows.strides.head, rows.strides.batch};
  for (std::size_t i = 0; i < 4; ++i) {
    spec.sizes[i] = static_cast<std::uint64_t>(sizes[i]);
    // Of a dimension of one nothing is read, but the driver wants a stride.
    spec.strides[i] = static_cast<std::uint64_t>(2 * (sizes[i] == 1 ? shape.D : strides[i]));
  }
  return cuda::make_tensor_map(spec);
}

Args args_of(const Request& request, const Config& config) {
  const Shape& shape = request.shape;
  const bool packed = request.query_starts != nullptr;
  const std::int64_t batch = packed ? 1 : shape.batch;
  const std::int64_t queries = packed ? request.total_queries : shape.queries;
  // Without keys nothing is read, but a map wants memory and a row.
  const bool none = (packed ? request.total_keys : shape.keys) == 0;
  const void* k = none ? request.q : request.k;
  const void* v = none ? request.q : request.v;
  const std::int64_t keys = std::max<std::int64_t>(1, packed ? request.total_keys : shape.keys);
  Args args{};
  args.q = map_of(shape,
                  {request.q, request.q_strides, queries, shape.heads, batch, config.tile_queries});
  args.k = map_of(shape, {k, request.k_strides, keys, shape.kv_heads, batch, config.tile_keys});
  args.v = map_of(shape, {v, request.v_strides, keys, shape.kv_heads, batch, config.tile_keys});
  args.work = work_of(request, config.section_heads);
  return args;
}

template <class T>
void launch(const Request& request, const Config& config) {
  check(config.tile_queries == T::kQueries && config.tile_keys == T::kKeys,
        "attention: the configuration is another kernel's");
  const Args args = args_of(request, config);
  constexpr int kBytes = sizeof(Shared<T>);
  AISP_CUDA(cudaFuncSetAttribute(flash_attention<T>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 kBytes));
  flash_attention<T><<<config.blocks, T::kThreads, kBytes, request.stream>>>(args);
  AISP_CUDA(cudaGetLastError());
}

template <class Element>
void launch_any(const Request& request, const Config& config) {
  const Shape& shape = request.shape;
  if (shape.D == 128) {
    shape.causal ? launch<Traits<128, true, Element>>(request, config)
                 : launch<Traits<128, false, Element>>(request, config);
  } else {
    shape.causal ? launch<Traits<64, true, Element>>(request, config)
                 : launch<Traits<64, false, Element>>(request, config);
  }
}

}  // namespace

void run_flash_sm90(const Request& request) {
  const Shape& shape = request.shape;
  const Config config = choose_config(shape, machine::cuda_device());
  shape.type == DType::kBF16 ? launch_any<Bf16>(request, config) : launch_any<F16>(request, config);
}

}  // namespace aisp::kernels::attention_cuda
