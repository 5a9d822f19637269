// Transpose of a row-major f32 matrix, in[rows][cols] -> out[cols][rows]: weights turned for a
// kernel's layout, K and V caches turned so that attention reads along tokens. It computes nothing,
// so its floor is a copy of the same bytes. Reading order: this contract, config.cc (which stores,
// how many threads), variants.cc (the table, threads), avx512.cc (the loop), blocks.h.
// Source: M. Lam, E. Rothberg, M. Wolf, "The Cache Performance and Optimizations of Blocked
// Algorithms", ASPLOS 1991.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "machine/cpu.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::transpose {

/// Of the input; the output is cols x rows. Zero is allowed.
struct Shape {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
};

/// Elements from one row to the next; 0 means tight (cols for the input, rows for the output).
struct RowStrides {
  std::int64_t in = 0;
  std::int64_t out = 0;
};

/// One transpose: out[j * strides.out + i] = in[i * strides.in + j]. The matrices do not overlap;
/// what lies between the end of a row and the next stays untouched.
struct Request {
  const float* in = nullptr;
  float* out = nullptr;
  Shape shape;
  RowStrides strides;
};

/// How the output is written.
enum class Store {
  kCached,     // through the caches: each line is read before it is overwritten
  kStreaming,  // non-temporal: whole lines go straight to memory
};

struct Config {
  Store store = Store::kCached;
  int threads = 1;
  bool operator==(const Config&) const = default;
};

/// Pure: how to transpose a shape with at most `threads` >= 1 threads.
Config choose_config(const Shape& shape, const machine::Cpu& cpu, int threads);

/// One implementation. run() takes any shape, strides and alignment; streaming needs an output
/// whose rows all start on a line (64 bytes), else it stores through the caches. Strides are given
/// (not 0). Config::threads is not its business.
struct Variant {
  std::string_view name;
  std::string_view requirement;  // "needs AVX2"
  bool (*can_run)(const machine::Cpu& cpu);
  void (*run)(const Request& request, const Config& config);

  /// "" or why it cannot run on `cpu`.
  std::string why_not(const machine::Cpu& cpu) const {
    return can_run(cpu) ? "" : std::string(requirement);
  }
};

/// Widest first. Every row is listed on every machine; those that cannot run say why.
std::span<const Variant> variants();

/// The first variant that `cpu` can run.
const Variant& widest(const machine::Cpu& cpu);

/// By the widest variant of this machine with the chosen configuration. Every bit pattern survives.
/// Aborts when a stride is smaller than its row. Cost: each line of input and output is touched
/// once; 8 bytes an element (12 through the caches when the output does not stay in them).
void transpose(const Request& request);

/// The same, split over the pool's threads where that pays.
void transpose(const Request& request, machine::ThreadPool& pool);

}  // namespace aisp::kernels::transpose
