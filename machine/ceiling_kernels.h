// The loops that find out what the machine can do at most: multiply-accumulates that depend on
// nothing but registers, and streams of loads and stores that do nothing else. One namespace per
// instruction set; the tables below list what this processor can run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "machine/cpu.h"

namespace aisp::machine {

/// `run(n)` executes n * operations_per_iteration arithmetic operations on registers alone. Several
/// kernels may carry one (isa, dtype): the quickest of them is the ceiling.
struct ComputeKernel {
  const char* isa;
  DType dtype;
  double operations_per_iteration;  // a multiply-accumulate counts two
  void (*run)(std::int64_t iterations);
};

/// `run(to, from, bytes, passes)` moves over `bytes` (a multiple of kStreamBlockBytes, 64-byte
/// aligned) so many times. "read" only loads from `from`, "write" and "write_nt" only store to
/// `to`, "copy" and "copy_nt" do both with `bytes` each, "update" loads from both and stores to
/// `to` (the most that ports for two loads and a store allow); "_nt" stores past the caches.
struct StreamKernel {
  const char* kind;
  const char* isa;
  int streams;  // buffers: 2 for copies and updates
  void (*run)(std::byte* to, const std::byte* from, std::size_t bytes, std::int64_t passes);
  int more = 0;  // times `bytes` moved beyond once a buffer
  /// Bytes moved = moved() * bytes * passes.
  int moved() const { return streams + more; }
};

/// Bytes per unrolled iteration of the widest stream loop: eight registers of 64 bytes.
constexpr std::size_t kStreamBlockBytes = 512;

/// Additions in one chain: kClockCyclesPerIteration core cycles each iteration, on every processor
/// of these architectures. Null elsewhere.
using ClockKernel = void (*)(std::int64_t iterations);
constexpr double kClockCyclesPerIteration = 32.0;
ClockKernel clock_kernel();

/// Kernels that `cpu` can run, narrowest first.
std::vector<ComputeKernel> compute_kernels(const Cpu& cpu);
std::vector<StreamKernel> stream_kernels(const Cpu& cpu);

}  // namespace aisp::machine
