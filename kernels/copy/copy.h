// Copies bytes from one place in memory to another: the operation under gathers, KV-cache moves and
// staging buffers, and the yardstick of every kernel that is bound by memory. Reading order: this
// contract, config.cc (which stores, how many threads), variants.cc (the table), simd.inc (the
// loops).
// Source: McCalpin, STREAM (1995); Intel 64 and IA-32 Architectures Optimization Reference Manual,
// non-temporal stores.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "machine/cpu.h"
#include "machine/thread_pool.h"

namespace aisp::kernels::copy {

/// How the destination is written.
enum class Store {
  kCached,     // through the caches: each line is read before it is overwritten, and stays there
  kStreaming,  // non-temporal: whole lines go to memory; what the caches hold stays
};

struct Config {
  Store store = Store::kCached;
  int threads = 1;
  bool operator==(const Config&) const = default;
};

/// Pure: how to copy `bytes` with at most `threads` >= 1 threads.
Config choose_config(std::size_t bytes, const machine::Cpu& cpu, int threads);

/// One copy on one thread. The buffers do not overlap.
struct Request {
  void* to = nullptr;
  const void* from = nullptr;
  std::size_t bytes = 0;
};

/// One implementation of the loops.
struct Variant {
  std::string_view name;
  std::string_view requirement;  // "needs AVX2"
  bool (*can_run)(const machine::Cpu& cpu);
  void (*run)(const Request& request, Store store);

  /// "" or why it cannot run on `cpu`.
  std::string why_not(const machine::Cpu& cpu) const {
    return can_run(cpu) ? "" : std::string(requirement);
  }
};

/// Widest first; "portable" streams with 16-byte stores on x86 and never elsewhere. Every row is
/// listed on every machine; those that cannot run say why.
std::span<const Variant> variants();

/// The first variant that `cpu` can run.
const Variant& widest(const machine::Cpu& cpu);

/// request.to[i] = request.from[i] for every byte, any alignment, by the widest variant of this
/// machine with the chosen configuration. Streaming ends with a store fence, so the data may be
/// handed to another thread. Cost: 2 * bytes of traffic, 3 * bytes when cached and beyond the
/// caches.
void copy(const Request& request);

/// The same, split over the pool's threads where that pays.
void copy(const Request& request, machine::ThreadPool& pool);

}  // namespace aisp::kernels::copy
