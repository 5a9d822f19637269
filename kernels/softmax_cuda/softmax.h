// Softmax of rows on the device: probabilities over a vocabulary, scores of unfused attention. Each
// row is read once into the registers of a block, or of a cluster of up to 8 blocks, and written
// from there.
//
// Floor: 2 n elements a row over the card's copy bandwidth. Prediction for one H200 (copy 4.1
// TB/s): 4096 x 128256 bf16, 2.1 GB: 0.51 ms; the two exponentials an element take half of the
// special function units' rate at that speed (16 a clock and multiprocessor).
// Reading order: this contract, kernels/cuda/softmax_cut.cc (the cut), kernels/cuda/softmax_row.cuh
// (the kernel), variants.cc. Source: M. Milakov and N. Gimelshein, "Online normalizer calculation
// for softmax" (2018).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "kernels/cuda/softmax_cut.h"
#include "machine/device.h"

namespace aisp::kernels::softmax_cuda {

/// y[r][i] = e^(x[r][i] - max_r) / sum_r; rows x n, tight, both of `type` (kF32 or kBF16). y may be
/// x; no other overlaps. Any alignment of an element; packs of 16 bytes when x, y and n allow them.
struct Request {
  DType type = DType::kBF16;
  std::int64_t rows = 0;
  std::int64_t n = 0;  // 1..2^31 - 2^20
  const void* x = nullptr;
  void* y = nullptr;
  // One word that is zero, and zero again afterwards: long rows are then drawn from it by whoever
  // is free, 5 % quicker than dealt out. Launches that may run at once need one each. nullptr:
  // none.
  std::uint32_t* ticket = nullptr;
  machine::CudaStream stream = nullptr;
};

/// Enqueues. Throws Error when the launch fails. -inf is a mask: probability 0. A row with NaN,
/// with +inf or of nothing but -inf becomes NaN, as in PyTorch. The same input gives the same bits.
/// Relative error at most u (6 sqrt(n + 2) + 3 |x_i - max| + 3 mean|x - max| + 32), u = 2^-24, the
/// mean weighted by the probabilities, then the rounding to `type`; below 2^-126: 0.
void softmax(const Request& request);

/// Pure.
cuda::SoftmaxCut choose_config(const Request& request, const machine::CudaDevice& device);

struct Variant {
  std::string_view name;                                 // what holds a row
  int major;                                             // compute capability that it needs
  void (*run)(const Request&, const cuda::SoftmaxCut&);  // null in a build without CUDA
  /// "" or why it cannot run on `device`.
  std::string why_not(const machine::CudaDevice& device) const;
};
/// "cluster", "block": listed in every build.
std::span<const Variant> variants();

}  // namespace aisp::kernels::softmax_cuda
