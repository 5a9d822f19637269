// Sums and dot products of f32 arrays: norms, losses, gradient statistics, scores. One pass over
// memory is the floor; a plain loop misses it by an order of magnitude, because each addition waits
// for the last. Reading order: this contract, simd.inc (the loops), variants.cc (the table,
// threads).
// Source: N. Higham, "The Accuracy of Floating Point Summation", SIAM J. Sci. Comput. 14 (1993),
// blocked summation; A. Fog, "Optimizing software in C++", chapter 11, dependence chains.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "machine/cpu.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::reduce {

/// Elements that are summed in f32 before they join a total in double. Each of the 32 (portable) to
/// 128 (AVX-512) partial sums then has at most 512 terms whatever the length of the array.
inline constexpr std::size_t kBlock = 16384;

/// Worst-case error of sum() relative to sum |x| and of dot() relative to sum |x y|, for any length
/// and any data: the 512 additions of the longest chain, six to join the chains of a vector and its
/// lanes, one for a product that rounds (portable). In units of 2^-24; AVX-512 stays below 140.
inline constexpr double kWorstRoundings = 512 + 6 + 1;

/// Pure: how many of `threads` >= 1 threads reading `bytes` is worth, at least 1.
int threads_worth(std::size_t bytes, int threads);

/// One implementation. Any alignment, any length; the sum of nothing is 0.
struct Variant {
  std::string_view name;
  std::string_view requirement;  // "needs AVX2"
  bool (*can_run)(const machine::Cpu& cpu);
  double (*sum)(const float* x, std::size_t count);
  double (*dot)(const float* x, const float* y, std::size_t count);

  /// "" or why it cannot run on `cpu`.
  std::string why_not(const machine::Cpu& cpu) const {
    return can_run(cpu) ? "" : std::string(requirement);
  }
};

/// Widest first. Every row is listed on every machine; those that cannot run say why.
std::span<const Variant> variants();

/// The first variant that `cpu` can run.
const Variant& widest(const machine::Cpu& cpu);

/// Sum of x, f32 within blocks and double between them: error <= kWorstRoundings * 2^-24 * sum |x|,
/// below 140 * 2^-24 * sum |x| for random data of any length (tested). NaN and Inf propagate;
/// partial sums beyond f32's range become Inf. Reads x once: count additions, 4 bytes each.
double sum(std::span<const float> x);

/// Sum of x[i] * y[i], same accuracy relative to sum |x y|; fused multiply-add where the hardware
/// has it. Reads both once. Aborts when the lengths differ.
double dot(std::span<const float> x, std::span<const float> y);

/// The same, split over the pool's threads where that pays; results differ from one thread's by
/// roundings of the total in double only.
double sum(std::span<const float> x, machine::ThreadPool& pool);
double dot(std::span<const float> x, std::span<const float> y, machine::ThreadPool& pool);

/// Plain loops in double, for tests. `scale`, unless null, gets sum |x| or sum |x y|.
double reference_sum(std::span<const float> x, double* scale);
double reference_dot(std::span<const float> x, std::span<const float> y, double* scale);

}  // namespace aisp::kernels::reduce
