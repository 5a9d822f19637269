// Softmax of rows, f32: the operation between the two products of attention and after the logits.
// Online by blocks: the exponentials of a block are taken while it is still in L1, relative to the
// largest element so far, and brought to the common maximum when the row ends.
// Reading order: this contract, config.cc (block, streaming), variants.cc (the table), simd.inc
// (the loops), exp_simd.h (the exponential). Source: M. Milakov and N. Gimelshein, "Online
// normalizer calculation for softmax" (2018).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "machine/cpu.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::softmax {

/// y[r][i] = e^(x[r][i] - max_r) / sum_r. Strides are elements from one row to the next, 0 for n.
/// Any alignment; y may be x itself with the same stride; other overlaps are not allowed.
struct Rows {
  const float* x = nullptr;
  float* y = nullptr;
  std::int64_t rows = 0;
  std::int64_t n = 0;
  std::int64_t x_stride = 0;
  std::int64_t y_stride = 0;
};

struct Config {
  std::int64_t block = 0;  // elements an online step; n or more: the whole row, three plain passes
  bool stream = false;     // exponentials go to scratch, results past the caches
  bool operator==(const Config&) const = default;
};

/// At most so many blocks in a row: their maxima live on the stack.
inline constexpr std::int64_t kMaxBlocks = 512;
/// Longest row that can be streamed: its exponentials wait on the stack, 32 KiB, for the sum.
inline constexpr std::int64_t kMaxStreamed = 8192;

/// Pure: block and streaming for so many rows on a machine.
Config choose_config(std::int64_t rows, std::int64_t n, const machine::Cpu& cpu);

/// One implementation of the loops.
struct Variant {
  std::string_view name;
  std::string_view requirement;  // "needs AVX-512"
  bool (*can_run)(const machine::Cpu& cpu);
  /// All rows on the calling thread. `config` is choose_config's, or keeps its limits.
  void (*run)(const Rows& rows, const Config& config);

  /// "" or why it cannot run on `cpu`.
  std::string why_not(const machine::Cpu& cpu) const {
    return can_run(cpu) ? "" : std::string(requirement);
  }
};

/// Widest first. Rows are listed on every machine; those that cannot run say why.
std::span<const Variant> variants();
/// The widest that can run on `cpu`.
const Variant& choose_variant(const machine::Cpu& cpu);

/// The widest variant with the chosen configuration; `pool` shares the rows among its threads. The
/// result does not depend on the number of threads. Does not allocate.
/// -inf is a mask: its probability is 0. A row with NaN, with +inf or of nothing but -inf becomes
/// NaN (0/0), as in PyTorch. Accuracy: relative error at most u (6 sqrt(n + 2) + |x_i - max| + the
/// mean of |x - max| over the probabilities + 8), u = 2^-24; results below e^-87.3 of the largest
/// may be 0. Cost: an exponential an element, 8 n bytes a row.
void softmax(const Rows& rows, machine::ThreadPool* pool = nullptr);

/// The formula in double, for tests: `value` and `scale` are rows x n, tight. An element is right
/// within u * scale (the bound above).
void reference(const Rows& rows, std::span<double> value, std::span<double> scale);

}  // namespace aisp::kernels::softmax
