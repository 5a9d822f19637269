// The next token from logits on the device: temperature, top-k, top-p, min-p, one draw; or the
// largest. Nothing is sorted: each filter is a threshold on the logit, found by counting (or
// weighing) what lies above a few pivots at a time. On sm_90 the blocks of a cluster hold a row in
// their shared memory, so that memory is read once whatever the filters are; elsewhere passes
// re-read the row, mostly from L2. All sums that decide anything are integers: a draw depends on
// its row and its seed alone (not on the batch) and repeats bit for bit.
//
// Floor: the logits once. Prediction, written before the first run, one H200, V 128256 in f32: 256
// rows are 131 MB, 32 us at 4.1 TB/s; 28 instructions per element can run meanwhile and about 30
// are needed, so 45 to 60 us with top-p; one row: some 6 exchanges of a cluster and as many passes
// over 64 KiB, about 12 us. Reached, logits like a model's: 256 rows greedy 49 us, plain 74, top-p
// 173 (all normal: 367), top-k 50 172, both 232; one row 4.7, 8.5, 21, 23 and 31. PyTorch's argmax
// takes 48 us, softmax and the race of exponentials 251 compiled, top-p by sorting 3300, topk 529.
// What is far from the floor is the exchange: a threshold costs 12 us of barriers and passes.
//
// Source: FlashInfer's sorting-free sampling (arXiv:2501.01005, and its blog, 2025: rejection and
// dual pivots); Holtzman et al., "Nucleus Sampling" (2020); Nguyen et al., "min-p" (2024).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "machine/device.h"

namespace aisp::kernels::sampling_cuda {

/// Device pointers. Arrays of parameters have one entry for each row; a null array: off.
struct Request {
  const void* logits = nullptr;  // [batch][vocabulary], kF32 or kBF16
  DType type = DType::kF32;
  std::int64_t row_stride = 0;  // elements between rows; 0: every row is the first
  int batch = 0;
  int vocabulary = 0;
  const float* temperature = nullptr;    // null: 1. At most 0: the largest logit, no draw
  const std::int32_t* top_k = nullptr;   // keep the k largest; < 1: off
  const float* top_p = nullptr;          // keep the least set with this much of the mass; >= 1: off
  const float* min_p = nullptr;          // keep what has this fraction of the largest probability
  const std::uint64_t* seeds = nullptr;  // null: 0
  const std::uint64_t* steps = nullptr;  // draws of a seed already made; null: 0
  std::int32_t* tokens = nullptr;        // [batch] out
  float* least_logits = nullptr;         // [batch] out, or null: the smallest logit that was kept
  machine::CudaStream stream = nullptr;
};

struct Config {
  int blocks_per_row = 1;  // a cluster when above 1
  bool staged = false;     // the row stays in shared memory
  std::size_t shared_bytes = 0;
};
/// Pure.
Config choose_config(const Request& request, const machine::CudaDevice& device);
/// The same without clusters and without keeping the row: what any architecture can do.
Config plain_config();

/// Filters in this order, each on what the one before left: top-k, top-p (its mass is of what top-k
/// left), min-p. Equal logits are kept or dropped together (k may keep more than k). NaN and -Inf
/// are never chosen; beside +Inf nothing else is; of equal largest logits the greedy
/// choice is the lowest index. A row without any finite logit gives -1. Probabilities in f32 with
/// sums in 2^-40 fixed point: a top-p threshold is that of a mass within 2^-18 of the asked one.
/// Throws Error when CUDA does.
void sample(const Request& request);

struct Variant {
  std::string name;
  std::string (*why_not)(const machine::CudaDevice&);
  void (*run)(const Request&);  // null in a build without CUDA
};
/// "cluster" and "reread".
const std::vector<Variant>& variants();

}  // namespace aisp::kernels::sampling_cuda
