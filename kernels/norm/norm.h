// RMSNorm and LayerNorm of rows, f32: between the blocks of every transformer. Each row is read
// from memory once: while one is written, the statistics of the next are taken (short rows), or the
// next is fetched (long ones). Reading order: this contract, config.cc (streaming), variants.cc
// (the table), simd.inc (the loops). Source: B. Zhang and R. Sennrich, "Root mean square layer
// normalization" (2019); J. Ba et al., "Layer normalization" (2016); T. Chan et al., "Algorithms
// for computing the sample variance" (1983), for the correction of the mean.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "machine/cpu.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::norm {

enum class Kind {
  kRms,    // y = x / sqrt(mean(x^2) + epsilon) * weight + bias
  kLayer,  // y = (x - mean(x)) / sqrt(mean((x - mean)^2) + epsilon) * weight + bias
};

/// Strides are elements from one row to the next, 0 for n. Any alignment; y may be x itself with
/// the same stride; other overlaps are not allowed. `weight` and `bias` have n elements; nullptr
/// leaves them out.
struct Rows {
  const float* x = nullptr;
  float* y = nullptr;
  std::int64_t rows = 0;
  std::int64_t n = 0;
  std::int64_t x_stride = 0;
  std::int64_t y_stride = 0;
  const float* weight = nullptr;
  const float* bias = nullptr;
  float epsilon = 1e-5f;
};

struct Config {
  bool stream = false;  // results go past the caches
  bool operator==(const Config&) const = default;
};

/// Pure: what to do with so many rows on a machine.
Config choose_config(std::int64_t rows, std::int64_t n, const machine::Cpu& cpu);

/// One implementation of the loops.
struct Variant {
  std::string_view name;
  std::string_view requirement;  // "needs AVX-512"
  bool (*can_run)(const machine::Cpu& cpu);
  /// All rows on the calling thread.
  void (*run)(Kind kind, const Rows& rows, const Config& config);

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
/// result does not depend on the number of threads. Does not allocate. NaN and infinities spoil
/// their row alone (NaN); squares must not overflow. Accuracy, with d = x - mean (kRms: d = x), s
/// the factor before the weight and u = 2^-24: |error| <= u (|w| s ((6 sqrt(n + 2) + 8) |d| +
/// 6 sqrt(n + 2) (mean|d| + deviation)) + |y| + |b|), the second term for kLayer only: a common
/// offset of the row costs no accuracy. Cost: 8 n bytes a row.
void normalize(Kind kind, const Rows& rows, machine::ThreadPool* pool = nullptr);

/// The formula in double, for tests: `value` and `scale` are rows x n, tight. An element is right
/// within u * scale (the bound above).
void reference(Kind kind, const Rows& rows, std::span<double> value, std::span<double> scale);

}  // namespace aisp::kernels::norm
